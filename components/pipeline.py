"""Lists the stages of dvc.yaml, and reproduces them one at a time: the only module that calls DVC.

It uses the command line, since `dvc.repo` is internal to DVC, and never `--single-item`, which would silently train on
stale inputs.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from .errors import PipelineError
from .files import parse_yaml
from .process import run_group

RAN, CACHED, UNCHANGED = "ran", "cached", "unchanged"
NEVER = "never ran here"
OTHER = "/dvc.yaml:"
"""In the name of a stage of another pipeline, such as pretrain/dvc.yaml, which is no part of the experiment."""
TAIL = 20
_ANNOUNCED = {
    RAN: "Running stage '{}':",
    CACHED: "Stage '{}' is cached - skipping run",
    UNCHANGED: "Stage '{}' didn't change, skipping",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one stage: ``how`` is ``ran``, ``cached`` (outputs from the run cache) or ``unchanged``."""

    stage: str
    how: str
    why: tuple[str, ...]
    seconds: float


class Pipeline:
    """A workspace's stages, and which of them need no run: DVC is asked once, for all of them together.

    A stage is known to be unchanged where DVC's answer names neither it nor the tracked data that it reads, and
    every stage upstream still has the outputs of that moment in ``dvc.lock``. It then costs no DVC process. Any
    other stage is reproduced by `dvc repro STAGE`. What is edited by hand after the moment of asking counts for
    the stages that are reproduced, and for the others at the next run.

    Attributes:
        graph: each stage with the stages whose outputs it reads, in the order in which they can run.

    Raises:
        PipelineError: with DVC's own words, where ``dvc.yaml`` cannot be read.
    """

    def __init__(self, root: str | Path = "."):
        self._root = Path(root)
        with ThreadPoolExecutor() as both:  # each is a process of seconds, most of them imports
            edges, status = both.submit(_edges, root), both.submit(_ask, root, "status", "--json")
        names, reads = edges.result()
        self.graph = _sorted(names, reads)
        self._tracked = {name: [each for each in reads[name] if each not in reads] for name in names}
        recorded = _recorded(self._root)
        self._outputs = {name: stage.get("outs") for name, stage in recorded.items()}
        changes = json.loads(status.result())
        self._changes = {name: _reasons(changes[name]) for name in changes}
        self._changes |= {name: (NEVER,) for name in names if name not in recorded}

    def reproduce(
        self, stage: str, *, on_line: Callable[[str], None], env: Mapping[str, str] | None = None
    ) -> Outcome:
        """Bring ``stage`` up to date, the stages upstream having been reproduced before; see `reproduce`.

        Args:
            stage: a key of `graph`.
            on_line: called with each line that DVC and the stage print.
            env: variables beside those of this process.

        Returns:
            What became of it; ``unchanged`` in 0 s where DVC did not have to be started.

        Raises:
            PipelineError: with the stage's own last lines.
        """
        recorded = _recorded(self._root)
        upstream_kept = all(
            recorded.get(above, {}).get("outs") == self._outputs.get(above) for above in self.graph[stage]
        )
        if not upstream_kept:
            return reproduce(stage, root=self._root, on_line=on_line, env=env)
        reasons = self._changes.get(stage, ())
        if not reasons and not any(data in self._changes for data in self._tracked[stage]):
            return Outcome(stage, UNCHANGED, (), 0.0)
        return reproduce(stage, root=self._root, on_line=on_line, env=env, reasons=reasons)


def graph(root: str | Path = ".") -> dict[str, list[str]]:
    """Each stage of ``dvc.yaml`` with the stages whose outputs it reads, in the order in which they can run.

    Raises:
        PipelineError: with DVC's own words, where ``dvc.yaml`` cannot be read.
    """
    return _sorted(*_edges(root))


def stages(root: str | Path = ".") -> list[str]:
    """The stages in the order in which they can run, as `features@control`."""
    return list(graph(root))


def command(stage: str) -> list[str]:
    """What reproduces ``stage``, everything upstream checked."""
    return [str(_bin() / "dvc"), "repro", stage]


def experiment_command(name: str, overrides: Mapping[str, str]) -> list[str]:
    """What runs this workspace's experiment with other params, as a `dvc exp`."""
    changes = [part for key, value in overrides.items() for part in ("-S", f"{key}={value}")]
    return [str(_bin() / "dvc"), "exp", "run", "-n", name, *changes]


def environment() -> dict[str, str]:
    """This process's environment, for DVC: in a stage's command `python` is this interpreter, and unbuffered."""
    return {
        **os.environ,
        "PATH": f"{_bin()}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
    }


def why(stage: str, root: str | Path = ".") -> tuple[str, ...]:
    """What differs from the last time ``stage`` ran, sorted; empty where nothing does."""
    if stage not in _recorded(Path(root)):
        return (NEVER,)
    return _reasons(json.loads(_ask(root, "status", "--json", stage)).get(stage, []))


def reproduce(
    stage: str,
    *,
    root: str | Path = ".",
    on_line: Callable[[str], None],
    env: Mapping[str, str] | None = None,
    reasons: tuple[str, ...] | None = None,
) -> Outcome:
    """Have DVC bring ``stage`` up to date, each line of it and of the stage going to ``on_line``.

    Call it from the main thread: whatever ends the wait ends DVC, the stage and all that they started.

    Args:
        stage: its name, as `graph` has it.
        root: the workspace.
        on_line: called with each line that DVC and the stage print.
        env: variables beside those of this process.
        reasons: what differs from its last run, where that is known; DVC is asked otherwise.

    Returns:
        What became of it.

    Raises:
        PipelineError: with the stage's own last lines.
    """
    reasons = why(stage, root) if reasons is None else reasons
    how, tail = UNCHANGED, deque(maxlen=TAIL)

    def take(line: str) -> None:
        nonlocal how
        for name, announcement in _ANNOUNCED.items():
            if line.startswith(announcement.format(stage)):
                how = name
        if line.startswith("Running stage "):
            tail.clear()
        elif line.strip():
            tail.append(line)
        on_line(line)

    began = time.monotonic()
    status = run_group(command(stage), on_line=take, cwd=root, env={**environment(), **(env or {})})
    if status:
        raise PipelineError(f"{stage} failed (dvc exited with {status}):\n" + "\n".join(_own_words(tail)))
    return Outcome(stage, how, reasons, time.monotonic() - began)


def _edges(root: str | Path) -> tuple[list[str], dict[str, list[str]]]:
    """The stages of ``dvc.yaml`` as it lists them, and what each reads: stages, and tracked data as ``NAME.dvc``."""
    dag = _ask(root, "dag", "--dot")
    nodes = re.findall(r'^"([^"]+)";$', dag, re.MULTILINE)
    names = [name for name in nodes if not name.endswith(".dvc") and OTHER not in name]
    reads: dict[str, list[str]] = {name: [] for name in names}
    for above, below in re.findall(r'^"(.+)" -> "(.+)";$', dag, re.MULTILINE):
        if below in reads:
            reads[below].append(above)
    return names, reads


def _sorted(names: Sequence[str], reads: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Each stage with the stages upstream, in an order in which they can run, else in that of ``names``."""
    place = {name: number for number, name in enumerate(names)}
    upstream = {
        name: sorted((each for each in reads[name] if each in place), key=place.get) for name in names
    }
    order = TopologicalSorter(upstream)
    order.prepare()
    ready, sorted_stages = list(order.get_ready()), []
    while ready:
        ready.sort(key=place.get)
        sorted_stages.append(ready.pop(0))
        order.done(sorted_stages[-1])
        ready += order.get_ready()
    return {name: upstream[name] for name in sorted_stages}


def _recorded(root: Path) -> dict[str, Any]:
    """The stages that have run here, as ``dvc.lock`` has them."""
    lock = root / "dvc.lock"
    document = (parse_yaml(lock.read_text(encoding="utf-8")) if lock.is_file() else None) or {}
    return document.get("stages", {})


def _reasons(status: Sequence[Any]) -> tuple[str, ...]:
    """What `dvc status --json` says of one stage, in short lines, sorted."""
    reasons = set()
    for entry in status:
        if isinstance(entry, str):
            reasons.add(entry)
            continue
        for kind, changes in entry.items():
            for path, change in changes.items():
                if isinstance(change, Mapping):
                    reasons.update(f"{path}: {key} {state}" for key, state in change.items())
                elif kind == "changed outs":
                    reasons.add("outputs missing" if change == "deleted" else f"output {path} {change}")
                else:
                    reasons.add(f"{path} {change}")
    return tuple(sorted(reasons))


def _own_words(tail: deque[str]) -> list[str]:
    """The lines from the stage's own `error:` on, or all of them where it died without one."""
    lines = list(tail)
    start = next((number for number, line in enumerate(lines) if line.startswith("error: ")), 0)
    return lines[start:]


def _ask(root: str | Path, *arguments: str) -> str:
    answer = subprocess.run(
        [str(_bin() / "dvc"), *arguments],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        words = answer.stderr.strip() or answer.stdout.strip()
        raise PipelineError(f"dvc {' '.join(arguments)} failed in {Path(root).resolve()}:\n{words}")
    return answer.stdout


def _bin() -> Path:
    return Path(sys.executable).parent
