"""Send a finished experiment to MLflow, once: run, trials, model; and record its lineage.

The weights' digest is the key: a version that carries it is not made again. What an interrupted attempt left
behind (a run without a version) is thrown away first.
"""

import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ..artifacts import model, reports
from ..artifacts.model import ModelCard
from ..artifacts.reports import Metrics
from ..encoders.model_files import NO_MODELS, ModelFiles
from ..errors import RegistryError, listed, redacted
from ..evaluation import run_links
from ..files import digest_of, parse_yaml, read_json
from ..lineage import Facts, Store, harvest
from ..lineage.reference import CHALLENGER, CHAMPION
from . import record
from .closure import ENTRY, closure
from .download import MODEL, fetch, fetch_verified, recorded
from .manifest import file_digests, package_differences
from .model_card import model_card
from .projection import project
from .tracking import PACKAGE, WEIGHTS, absolute, alias_of, experiment, runs_page, tracking, version_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOTE, KIND = "mlflow.note.content", "mlflow.experimentKind"
METRICS = "metrics_digest"
"""Tag of a run: `run_links.identity` of the metrics that it was published with."""
"""MLflow's tags of a description, and of the view that an experiment opens in."""


@dataclass(frozen=True)
class Published:
    """A version in the registry; ``reused`` where it was there already."""

    run_id: str
    name: str
    version: int
    reused: bool
    clean: bool
    page: str = field(default="", compare=False)
    """The address of the experiment's runs in MLflow's UI."""
    other_metrics: bool = field(default=False, compare=False)
    """Whether the same weights were published with other metrics than those of this workspace."""

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"

    def sentence(self) -> str:
        how = "was published before" if self.reused else "is published"
        clean = "" if self.clean else " (its lineage is not clean: `emoflow promote` will say what to commit)"
        other = (
            "; the figures and the report in MLflow are those of then, and differ from this workspace's"
            if self.other_metrics
            else ""
        )
        return f"{self.uri} {how}{clean}{other}"


def model_name(root: Path) -> str:
    """The registered model's name: ``registry.name`` of params.yaml, or ``emotion-<label space>`` for ``auto``.

    Args:
        root: the project's root.

    Returns:
        The name.
    """
    params = parse_yaml((root / "params.yaml").read_text(encoding="utf-8"))
    name = params.get("registry", {}).get("name", "auto")
    return f"emotion-{ModelCard.read(root).label_space}" if name == "auto" else name


def publish(
    *,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    models: ModelFiles = NO_MODELS,
    flow_run_url: str | None = None,
) -> Published:
    """Publish the experiment that lies finished at ``root``; alias it ``challenger``; record its lineage.

    The report then shows when it was published, and links the MLflow run and the Prefect flow run.

    Args:
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database.
        models: where the models are that the encoders run; those that the model uses are packed with it.
        flow_run_url: the address of the Prefect flow run that publishes; None outside a flow.

    Returns:
        The version, new or found again.

    Raises:
        RegistryError: where the experiment is not finished, MLflow cannot be reached, or gives back other files than
            it was given.
        LineageError: where nobody knows where the model came from.
    """
    root = Path(root)
    for path in (model.WEIGHTS, ModelCard.path(), Metrics.path()):
        if not (root / path).is_file():
            raise RegistryError(f"{path} is not here: the experiment is not finished; run `dvc repro`")
    uri, name, metrics = absolute(tracking_uri, root), model_name(root), Metrics.read(root)
    # The code that goes into the model is in a clone; in a workspace it is the installed one, which code.yaml states.
    packed = [f"components/{module}" for module in closure(ENTRY).modules]
    packed = packed if (root / "components" / ENTRY).is_file() else []
    facts = harvest(root, name=name, version=0, run_id="", packed=packed)
    lock = root / ".emoflow" / "publish.lock"
    lock.parent.mkdir(exist_ok=True)
    with Store(lineage_uri, root=root) as store, FileLock(lock), tracking(uri, root=root) as client:
        found = _published(client, name, facts.weights_sha256)
        if found is None:
            run_id = _log(client, root, uri, name, facts)
            version, manifest = _register(client, root, run_id, name, facts, models)
            _describe(client, root, run_id, replace(facts, version=version))
        else:
            version, run_id = found
            manifest = _unrecorded_manifest(client, store, name, version)
        facts = replace(facts, version=version, run_id=run_id, manifest=manifest)
        published_metrics = client.get_run(run_id).data.tags.get(METRICS, run_links.identity(metrics))
        store.record(facts, reused=found is not None)
        _tag_lineage(client, facts)
        project(client, store, name)
        if alias_of(client, name, CHAMPION) != version and alias_of(client, name, CHALLENGER) != version:
            client.set_registered_model_alias(name, CHALLENGER, version)
        clean = store.model(name, version)["clean"]
        page = runs_page(uri, client.get_run(run_id).info.experiment_id)
        run_links.write(
            root / reports.FOLDER,
            metrics,
            commit=facts.git_commit,
            mlflow=_run_url(client, uri, run_id),
            prefect=flow_run_url,
        )
    other = published_metrics != run_links.identity(metrics)
    return Published(run_id, name, version, found is not None, clean, page, other)


def _published(client: "MlflowClient", name: str, weights: str) -> tuple[int, str] | None:
    """The version with these weights, and its run; None where there is none."""
    found = client.search_model_versions(f"name='{name}' and tags.{WEIGHTS}='{weights}'")
    ready = sorted(
        ((int(each.version), each.run_id) for each in found if each.status == "READY"), reverse=True
    )
    return ready[0] if ready else None


def _run_url(client: "MlflowClient", uri: str, run_id: str) -> str:
    """The address of a run in the UI of the MLflow server at ``uri``."""
    return (
        f"{redacted(uri).rstrip('/')}/#/experiments/{client.get_run(run_id).info.experiment_id}/runs/{run_id}"
    )


def _log(client: "MlflowClient", root: Path, uri: str, name: str, facts: Facts) -> str:
    """The parent run with everything but the model; what an interrupted attempt left is deleted. Its id."""
    chosen = experiment(client, name, uri=uri, root=root)
    while left := client.search_runs(
        [chosen], f"tags.{WEIGHTS}='{facts.weights_sha256}'"
    ):  # a page at a time
        for run in left:
            client.delete_run(run.info.run_id)
    title = f"{facts.protocol} {facts.description['strategy']} {facts.weights_sha256[:8]}"
    run = client.create_run(
        chosen, run_name=title, tags=_tags(facts) | record.source_tags(facts) | {"role": "experiment"}
    )
    run_id = run.info.run_id
    client.set_tag(run_id, METRICS, run_links.identity(Metrics.read(root)))
    record.experiment(client, run_id, root, facts)
    record.trials(client, run_id, chosen, root, facts)
    return run_id


def _unrecorded_manifest(
    client: "MlflowClient", store: Store, name: str, version: int
) -> dict[str, str] | None:
    """The manifest of a version that only MLflow knows the digest of; None where there is nothing to record.

    An attempt that was killed before it recorded the lineage leaves such a version, and so does another database.
    """
    registered = version_of(client, name, version)
    if store.manifest(name, version) is not None or not recorded(registered, store=store):
        return None
    with tempfile.TemporaryDirectory() as folder:
        return file_digests(fetch_verified(registered, Path(folder), store=store))


def _register(
    client: "MlflowClient", root: Path, run_id: str, name: str, facts: Facts, models: ModelFiles
) -> tuple[int, dict[str, str]]:
    """Log the packed model and register it; its version, and the digest of every file that MLflow then holds."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    # These two import torch, which an experiment that is published already does not need.
    from .inference import CALIBRATED, RECOGNISED, columns_of
    from .package import pack

    # Paths and bytes are both welcome in a cell, and nulls too: MLflow's one type for that is AnyType.
    modalities = {
        name: model.Modality.model_validate(each) for name, each in facts.description["modalities"].items()
    }
    recognised = (RECOGNISED,) if any(each.recogniser for each in modalities.values()) else ()
    signature = ModelSignature(
        inputs=Schema([ColSpec(AnyType(), column, required=False) for column in columns_of(modalities)]),
        outputs=Schema(
            [
                ColSpec("string", "label", required=False),
                *(ColSpec("double", f"p_{each}") for each in facts.description["classes"]),
                *(
                    ColSpec("double", f"{CALIBRATED}{each}", required=False)
                    for each in facts.description["classes"]
                ),
                ColSpec("double", "confidence", required=False),
                ColSpec("string", "prediction_set", required=False),
                *(
                    ColSpec("string", each, required=False)
                    for each in ("modalities_used", "unused", "notices", "reason", *recognised)
                ),
                ColSpec("string", "model_version"),
            ]
        ),
    )
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as copy:
        package = pack(
            root / model.FOLDER, Path(folder), models=models, calibration=Metrics.read(root).calibration
        )
        with mlflow.start_run(run_id=run_id), _importable(package.code.parent, package.name):
            logged = mlflow.pyfunc.log_model(
                name=facts.description["strategy"],
                python_model=str(package.entry),
                code_paths=[str(package.code)],
                artifacts={"model": str(package.model), "manifest": str(package.manifest)},
                signature=signature,
                pip_requirements=package.requirements,
                model_type="emotion",
                tags=_tags(facts) | {"package": package.name},
            )
        downloaded = fetch(logged.model_uri, Path(copy))
        if wrong := package_differences(downloaded, read_json(package.manifest)):
            raise RegistryError(
                f"MLflow gives back other files than it was given ({listed(wrong, 5)}); nothing is registered"
            )
        manifest = file_digests(downloaded)
    if manifest[f"{MODEL.as_posix()}/{model.WEIGHTS.name}"] != facts.weights_sha256:
        raise RegistryError(
            f"{model.FOLDER} changed while it was published; nothing is registered: publish again"
        )
    client.set_tag(run_id, "package", package.name)
    tags = _tags(facts) | {"package": package.name, PACKAGE: digest_of(manifest)}
    with contextlib.redirect_stderr(io.StringIO()):  # MLflow prints what we say in one sentence
        version = mlflow.register_model(logged.model_uri, name, tags=tags)
    return int(version.version), manifest


def _describe(client: "MlflowClient", root: Path, run_id: str, facts: Facts) -> None:
    """Describe run, version, model and experiment, the latter two by their newest run; models by their card."""
    experiment_id = client.get_run(run_id).info.experiment_id
    metrics = Metrics.read(root)
    text = record.description(metrics, facts, experiment_id=experiment_id, run_id=run_id)
    client.set_tag(run_id, NOTE, text)
    card = model_card(metrics, ModelCard.read(root), headline=text)
    client.update_model_version(facts.name, str(facts.version), card)
    newest = f"This describes version {facts.version}, the newest."
    client.update_registered_model(facts.name, f"{newest}\n\n{card}")
    client.set_experiment_tag(experiment_id, NOTE, f"{text}\n\n{newest}")
    client.set_experiment_tag(experiment_id, KIND, "custom_model_development")


@contextlib.contextmanager
def _importable(folder: Path, name: str) -> Iterator[None]:
    """MLflow runs the entry once before it has copied the code; afterwards nothing of it stays behind."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for module in [each for each in sys.modules if each.split(".")[0] == name]:
            del sys.modules[module]


def _tags(facts: Facts) -> dict[str, str]:
    return {
        WEIGHTS: facts.weights_sha256,
        "protocol": facts.protocol,
        "strategy": facts.description["strategy"],
        "corpora": "+".join(facts.description["corpora"]),
        "dvc_lock_sha256": facts.dvc_lock_sha256 or "",
    }


def _tag_lineage(client: "MlflowClient", facts: Facts) -> None:
    """What the lineage says now: a model that was not clean may have become so since."""
    tags: dict[str, Any] = {
        "git_commit": facts.git_commit or "",
        "lineage": "clean" if facts.clean else "not clean",
    }
    known = client.get_model_version(facts.name, str(facts.version)).tags
    if known.get("lineage") == "clean":
        return
    for key, value in tags.items():
        client.set_model_version_tag(facts.name, str(facts.version), key, value)
        client.set_tag(facts.run_id, key, value)
