"""What DVC says the stages are, and one of them at a time reproduced by it: the only place that talks to DVC's DAG.

Through its command line, since `dvc.repo` is internal to it. Never with `--single-item`, which would train on a
stale input without a word.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import yaml

from .errors import PipelineError
from .process import run_group

RAN, CACHED, UNCHANGED = "ran", "cached", "unchanged"
NEVER = "never ran here"
TAIL = 20
_SAID = {
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


def graph(root: str | Path = ".") -> dict[str, list[str]]:
    """Each stage of ``dvc.yaml`` with the stages whose outputs it reads, in the order in which they can run.

    Raises:
        PipelineError: with DVC's own words, where ``dvc.yaml`` cannot be read.
    """
    listing = _ask(root, "stage", "list", "--name-only").split()
    edges = re.findall(r'^"(.+)" -> "(.+)";$', _ask(root, "dag", "--dot"), re.MULTILINE)
    place = {name: number for number, name in enumerate(listing)}
    upstream = {
        name: sorted((above for above, below in edges if below == name and above in place), key=place.get)
        for name in listing
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


def stages(root: str | Path = ".") -> list[str]:
    """The stages in the order in which they can run, as `features@control`."""
    return list(graph(root))


def command(stage: str) -> list[str]:
    """What reproduces ``stage``, everything upstream checked."""
    return [str(_bin() / "dvc"), "repro", stage]


def environment() -> dict[str, str]:
    """This process's environment, for DVC: in a stage's command `python` is this interpreter, and unbuffered."""
    return {
        **os.environ,
        "PATH": f"{_bin()}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
    }


def why(stage: str, root: str | Path = ".") -> tuple[str, ...]:
    """What differs from the last time ``stage`` ran, sorted; empty where nothing does."""
    lock = Path(root) / "dvc.lock"
    known = (yaml.safe_load(lock.read_text(encoding="utf-8")) if lock.is_file() else None) or {}
    if stage not in known.get("stages", {}):
        return (NEVER,)
    said = json.loads(_ask(root, "status", "--json", stage)).get(stage, [])
    reasons = set()
    for entry in said:
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


def reproduce(
    stage: str,
    *,
    root: str | Path = ".",
    on_line: Callable[[str], None],
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Have DVC bring ``stage`` up to date, each line of it and of the stage going to ``on_line``.

    Call it from the main thread: whatever ends the wait ends DVC, the stage and all that they started.

    Raises:
        PipelineError: with the stage's own last lines.
    """
    reasons = why(stage, root)
    how, tail = UNCHANGED, deque(maxlen=TAIL)

    def take(line: str) -> None:
        nonlocal how
        for name, said in _SAID.items():
            if line.startswith(said.format(stage)):
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
