"""Read where a finished experiment's model came from: nothing had to be recorded while it ran.

``dvc.lock`` says which bytes went into every stage and came out; git says whether the code and the params among
them are committed; the verdicts say whether the data held their contract; the folds say who was in it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..artifacts.corpora import RAW
from ..artifacts.folds import FOLDS, Folds
from ..artifacts.model import FOLDER, WEIGHTS, ModelCard
from ..artifacts.reports import Metrics
from ..artifacts.utterances import UTTERANCES
from ..artifacts.validation import Verdict
from ..errors import LineageError
from ..files import digest_of, file_digest, parse_yaml
from . import git
from .store import TEST, Facts

LOCK = "dvc.lock"
MODEL = FOLDER.as_posix()
PARAMS = "params.yaml"


def harvest(root: str | Path, *, name: str, version: int, run_id: str, packed: Sequence[str] = ()) -> Facts:
    """Collect the facts about a finished experiment and the model that it is published as.

    Args:
        root: the workspace.
        name, version: of the registered model.
        run_id: the MLflow run of the experiment.
        packed: the files, below ``root``, of the code that goes into the model.

    Returns:
        What the lineage store records.

    Raises:
        LineageError: where ``dvc.lock`` does not tell where ``data/model`` came from.
    """
    root = Path(root)
    stages = _stages(root)
    card = ModelCard.read(root)
    executions = _executions(stages, card.corpora)
    return Facts(
        name=name,
        version=version,
        weights_sha256=file_digest(root / WEIGHTS),
        run_id=run_id,
        protocol=card.protocol,
        git_commit=git.head(root),
        unclean=_unclean(root, executions, packed),
        params=parse_yaml((root / PARAMS).read_text(encoding="utf-8")),
        dvc_lock_sha256=file_digest(root / LOCK),
        description=card.to_dict(),
        verdicts={corpus: _verdict(root, corpus) for corpus in card.corpora},
        executions=executions,
        memberships=_memberships(root, card.corpora),
    )


def _stages(root: Path) -> dict[str, dict[str, Any]]:
    path = root / LOCK
    if not path.is_file():
        raise LineageError(f"{path} is not here, so nobody knows where the model came from: run `dvc repro`")
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))["stages"]
    except (ValueError, KeyError, TypeError) as error:
        raise LineageError(
            f"{path} cannot be read ({error}): restore it from git, or run `dvc repro`"
        ) from None


def _executions(stages: dict[str, dict], corpora: list[str]) -> list[dict[str, Any]]:
    """The stages that the model and its figures come from, each with the artifacts that went in and came out."""
    stages = {
        stage: record
        for stage, record in stages.items()
        if "@" not in stage or stage.split("@")[1] in corpora
    }
    made = {out["path"]: stage for stage, record in stages.items() for out in record.get("outs", [])}
    if MODEL not in made:
        raise LineageError(f"no stage of {LOCK} makes {MODEL}: run `dvc repro`")
    waiting, reached = [made[path] for path in (MODEL, Metrics.path().as_posix()) if path in made], set()
    while waiting:
        stage = waiting.pop()
        if stage not in reached:
            reached.add(stage)
            deps = [dep["path"] for dep in stages[stage].get("deps", [])]
            waiting += [maker for path, maker in made.items() if any(_overlap(path, dep) for dep in deps)]
    return [_execution(stage, stages[stage], made) for stage in sorted(reached)]


def _execution(stage: str, record: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
    def artifact(entry: dict[str, Any]) -> dict[str, Any]:
        path = entry["path"]
        derived = any(_overlap(path, out) for out in made)
        kind = "derived" if derived else "raw" if path.startswith(f"{RAW.as_posix()}/") else "code"
        return {
            "digest": f"md5:{entry['md5']}",
            "path": path,
            "kind": kind,
            "size": entry.get("size"),
            "files": entry.get("nfiles", 1),
        }

    return {
        "id": digest_of([stage, record]),
        "stage": stage,
        "command": record["cmd"],
        "params": record.get("params", {}),
        "in": [artifact(dep) for dep in record.get("deps", [])],
        "out": [artifact(out) for out in record.get("outs", [])],
    }


def _unclean(root: Path, executions: list[dict[str, Any]], packed: Sequence[str]) -> list[dict[str, str]]:
    """Whatever of code, dvc.yaml and params.yaml is not committed as it ran, and results that are not the lock's."""
    commit = git.head(root)
    if commit is None:
        return [{"path": ".", "reason": "not a git repository with a commit: nothing says what code ran"}]
    found: dict[str, str] = {path: "not committed" for path in git.changed(root, "dvc.yaml")}
    if packed:
        found |= dict.fromkeys(git.changed(root, *packed), "goes into the model, and is not committed")
    deps = [dep for execution in executions for dep in execution["in"] if dep["kind"] == "code"]
    for path, digest in sorted(
        {(dep["path"], dep["digest"]) for dep in deps}
    ):  # stages share most of their code
        if f"md5:{git.committed_md5(root, path)}" != digest:
            changed = git.changed(root, path)
            found |= dict.fromkeys(changed, "not committed")
            if not changed:
                found[path] = f"ran with other bytes than commit {commit[:12]} holds: run `dvc repro`"
    for execution in executions:
        for file, values in execution["params"].items():
            ran_with = parse_yaml(git.committed(root, file) or b"{}")
            for key, value in values.items():
                if _at(ran_with, key) != value:
                    found[f"{file}:{key}"] = f"ran with another value than commit {commit[:12]} holds"
    out = {artifact["path"]: artifact["digest"] for execution in executions for artifact in execution["out"]}
    for execution in executions:
        for dep in execution["in"]:
            if out.get(dep["path"], dep["digest"]) != dep["digest"]:
                found[dep["path"]] = (
                    f"{execution['stage']} read other bytes than {LOCK} says were made: run `dvc repro`"
                )
    if f"md5:{git.disk_md5(root / MODEL)}" != out[MODEL]:
        found[MODEL] = f"is not what {LOCK} says was made: run `dvc repro`"
    return [{"path": path, "reason": reason} for path, reason in sorted(found.items())]


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _verdict(root: Path, corpus: str) -> dict[str, Any]:
    path = Verdict.path(root, corpus=corpus)
    if not path.is_file():
        return {"ok": False, "sha256": None, "critical": ["never validated"], "counts": {}}
    verdict = Verdict.read(root, corpus=corpus)
    return {
        "ok": verdict.ok,
        "sha256": file_digest(path),
        "critical": [breach.expectation for breach in verdict.critical],
        "counts": verdict.counts,
    }


def _memberships(root: Path, corpora: list[str]) -> list[dict[str, Any]]:
    """Every utterance of the folds: the model is refitted on all of them, whatever fold tested them before.

    Of a few-shot or zero-shot protocol, the model learned only from those that the first fold leaves to learn from; the
    others that a fold tests have the role ``test``. What it learned from without a label, in whatever fold, has a role
    of its own.
    """
    import pandas as pd

    columns = ["utterance_id", "speaker", "audio_digest", "video_digest", "text_digest"]
    tables = [UTTERANCES.read(root, corpus=corpus, columns=columns) for corpus in corpora]
    table = pd.concat(tables).set_index("utterance_id")
    folds = FOLDS.read(root, columns=["utterance_id", "fold", "role"])
    tested = folds[folds["role"] == "test"].groupby("utterance_id")["fold"].min()
    scarce = Folds.read(root).scarce
    bare = set(folds.loc[folds["role"] == "unlabelled", "utterance_id"])
    first = (folds["fold"] == 0) & (folds["role"] != "test")
    learnt = set(folds.loc[first, "utterance_id"]) | bare if scarce else set(folds["utterance_id"])
    members = sorted(learnt | set(tested.index))
    unknown = sorted(set(members) - set(table.index))
    if unknown:
        raise LineageError(
            f"{FOLDS.path()} names utterances that no corpus has: {unknown[:3]}: run `dvc repro`"
        )
    rows = table.loc[members].astype(object).where(table.loc[members].notna(), None)
    return [
        {
            "utterance_id": utterance,
            "role": "unlabelled" if utterance in bare else "train" if utterance in learnt else TEST,
            "test_fold": int(tested[utterance]) if utterance in tested.index else None,
            **row,
        }
        for utterance, row in zip(members, rows.to_dict("records"), strict=True)
    ]


def _overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
