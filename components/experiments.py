"""Finished experiments by the name that a user gives them: this workspace, a commit, a `dvc exp`, a published run."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .artifacts.folds import FOLDS, Folds
from .artifacts.model import FOLDER, PREDICTIONS, ModelCard
from .corpora import dvc_cache
from .errors import ArtifactError, EvaluationError, LineageError, RegistryError, listed
from .evaluation.pairwise.sides import Side
from .evaluation.predictions import join
from .files import parse_yaml, read_json
from .lineage import git
from .lineage.harvest import LOCK, PARAMS
from .lineage.reference import SCHEME, parse
from .registry.record import FILES, PREDICTIONS_FOLDER, flat
from .registry.tracking import artifact, tracking, version_named

WORKSPACE = "."
FORMS = (
    "a branch, a tag or a commit, the name of a `dvc exp`, models:/NAME/VERSION, NAME@champion, the id of an MLflow "
    f"run, or {WORKSPACE} for this workspace"
)
_RUN = re.compile(r"[0-9a-f]{32}")


def read(name: str, *, root: str | Path, tracking_uri: str | None) -> Side:
    """Read what a comparison needs of a finished experiment.

    The outputs of a commit are read from DVC's cache.

    Args:
        name: see `FORMS`. A git revision comes before a `dvc exp` of the same name, and both before a model.
        root: the workspace.
        tracking_uri: MLflow's tracking and registry URI; None where nothing is published yet.

    Returns:
        The experiment.

    Raises:
        EvaluationError: nothing has that name, the experiment is not finished, or its outputs are not at hand.
        RegistryError: MLflow cannot be reached, or the run was not published by emoflow.
    """
    root = Path(root)
    if name == WORKSPACE:
        return _of_workspace(root)
    if not name.startswith(SCHEME):
        if commit := git.commit_of(root, name):
            return _of_commit(root, name, commit, experiment=False)
        commits = sorted({commit for each, commit in git.dvc_experiments(root) if each == name})
        if len(commits) > 1:
            raise EvaluationError(
                f"{name!r} names several experiments of `dvc exp`, made from different commits: {listed(commits)}; "
                "name one by its commit"
            )
        if commits:
            return _of_commit(root, name, commits[0], experiment=True)
    return _of_run(root, name, tracking_uri)


def _of_workspace(root: Path) -> Side:
    """The experiment on disk, if it is what the last `dvc repro` wrote."""
    name = "this workspace"
    if not (root / LOCK).is_file():
        raise EvaluationError(f"{name} has no {LOCK}, so nothing has run in it: run `dvc repro`")
    lock = parse_yaml((root / LOCK).read_bytes())
    written = _outputs(_stages(lock, name))
    for path in (FOLDS.path(), Folds.path(), PREDICTIONS.path(), FOLDER):
        found = git.disk_md5(root / path)
        if found is None or found != written.get(path.as_posix()):
            what = "is missing" if found is None else "is not what the last run wrote"
            raise EvaluationError(
                f"{path} {what}, by {LOCK}: `dvc repro` makes it, `dvc checkout` restores it where it was made before"
            )
    return _side(root, name=name, source="as it stands", registered=_strategy(root), lock=lock)


def _of_commit(root: Path, name: str, commit: str, *, experiment: bool) -> Side:
    """The experiment that a commit's ``dvc.lock`` states, its outputs read from DVC's cache."""
    source = f"{'dvc exp, ' * experiment}commit {commit[:10]}"
    shown = f"{name} ({source})"
    committed = git.file_at(root, commit, LOCK)
    if committed is None:
        raise EvaluationError(f"{shown} has no {LOCK}: no experiment was run and committed there")
    lock = parse_yaml(committed)
    outputs = _outputs(_stages(lock, shown))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in (FOLDS.path(), Folds.path(), PREDICTIONS.path(), ModelCard.path()):
            digest = outputs.get(path.as_posix()) or outputs.get(path.parent.as_posix())
            if digest is None:
                raise EvaluationError(f"{shown} has no {path}: the experiment was not finished there")
            cached = _cached(root, digest, path.name)
            if cached is None:
                raise EvaluationError(_how_to_get(path, name, shown, experiment=experiment))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cached, folder / path)
        return _side(folder, name=name, source=source, registered=_strategy(folder), lock=lock)


def _outputs(stages: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Output → its digest."""
    return {
        out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", []) if "md5" in out
    }


def _cached(root: Path, digest: str, file: str) -> Path | None:
    """Where DVC's cache has a file; None where it has not.

    Read by digest, not by `dvc.api`, which cannot read a commit of a clone: it takes the link
    ``components/template/dvc.yaml`` for a pipeline.

    Args:
        root: the workspace.
        digest: of the file, or of the folder that it is in, which ends in ``.dir``.
        file: its name.
    """
    cache = dvc_cache.folder(root.resolve())
    if cache is None:
        return None
    path = cache / digest[:2] / digest[2:]
    if not path.is_file():
        return None
    if not digest.endswith(".dir"):
        return path
    inside = {each["relpath"]: each["md5"] for each in read_json(path)}
    return _cached(root, inside[file], file) if file in inside else None


def _how_to_get(path: Path, name: str, shown: str, *, experiment: bool) -> str:
    there = f"dvc exp apply {name}" if experiment else f"git checkout {name}"
    return (
        f"{path} of {shown} is not in the DVC cache: run `{there}`, then `dvc fetch folds train` where it was pushed "
        "to a remote, or else `dvc repro`"
    )


def _of_run(root: Path, name: str, tracking_uri: str | None) -> Side:
    """The experiment of an MLflow run, which a registered model's version may name."""
    unknown = f"{name!r} names no experiment here: name {FORMS}"
    try:
        model = None if _RUN.fullmatch(name) else parse(name)
    except LineageError:
        raise EvaluationError(unknown) from None
    if model and not (model.names_a_version or name.startswith(SCHEME)):
        raise EvaluationError(unknown)
    if tracking_uri is None:
        raise EvaluationError(f"{unknown} (no model is published yet: `emoflow publish`)")
    with tracking(tracking_uri, root=root) as client, tempfile.TemporaryDirectory() as temporary:
        folder, downloads = Path(temporary) / "experiment", Path(temporary) / "downloads"
        for each in (folder, downloads):
            each.mkdir()
        version = version_named(client, model) if model else None
        run_id = version.run_id if version else name
        strategy = client.get_run(run_id).data.tags.get("strategy")
        folders = {path: FILES[path] for path in (FOLDS.path(), Folds.path(), Path(LOCK))}
        missing = []
        for path, above in (folders | {PREDICTIONS.path(): PREDICTIONS_FOLDER}).items():
            found = artifact(client, run_id, f"{above}/{path.name}", downloads)
            if found is None:
                missing.append(f"{above}/{path.name}")
            else:
                (folder / path).parent.mkdir(exist_ok=True)
                found.replace(folder / path)
        if missing or not strategy:
            raise RegistryError(
                f"run {run_id} has no {listed(missing or ['tag strategy'])}: is it the run of an experiment that "
                "`emoflow publish` made?"
            )
        source = f"models:/{version.name}/{version.version}, run {run_id}" if version else f"run {run_id}"
        lock = parse_yaml((folder / LOCK).read_bytes())
        return _side(folder, name=name, source=source, registered=strategy, lock=lock)


def _side(folder: Path, *, name: str, source: str, registered: str, lock: Any) -> Side:
    """The experiment whose folds and predictions lie below ``folder`` as they do in a workspace."""
    try:
        protocol, folds = Folds.read(folder), FOLDS.read(folder)
        predictions = join(folds, PREDICTIONS.read(folder), protocol.classes)
    except (ArtifactError, EvaluationError) as error:
        raise EvaluationError(f"{name} ({source}): {str(error).replace(f'{folder}/', '')}") from None
    if registered not in predictions.strategies:
        raise EvaluationError(
            f"{name} ({source}) has no predictions of its registered strategy, {registered}; it has "
            f"{listed(predictions.strategies, 20)}"
        )
    return Side(
        name=name,
        source=source,
        protocol=protocol,
        folds=folds,
        predictions=predictions,
        registered=registered,
        params=_params(_stages(lock, name)),
    )


def _strategy(folder: Path) -> str:
    """The registered strategy; the model's card is not validated, since that of another emoflow names it alike."""
    strategy: str = read_json(ModelCard.path(folder))["strategy"]
    return strategy


def _stages(lock: Any, name: str) -> dict[str, dict[str, Any]]:
    stages = lock.get("stages") if isinstance(lock, dict) else None
    if not isinstance(stages, dict):
        raise EvaluationError(f"{LOCK} of {name} records no stages: restore it from git, or run `dvc repro`")
    return stages


def _params(stages: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The params that the stages ran with, as ``dvc.lock`` has them: params.yaml may have been edited since.

    Of stages that run once a corpus, those of earlier corpora stay in ``dvc.lock``; they do not count.
    """
    stated = {stage: entry.get("params", {}).get(PARAMS, {}) for stage, entry in stages.items()}
    corpora = {corpus for params in stated.values() for corpus in params.get("corpora", [])}
    found: dict[str, str] = {}
    for stage, params in stated.items():
        if "@" not in stage or stage.split("@")[1] in corpora:
            found |= flat(params)
    return found
