"""MLflow, reached: one place that knows its URIs, its noise and its global state."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RegistryError, redacted
from ..lineage.reference import CHAMPION, LATEST, ModelReference

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

WEIGHTS = "weights_sha256"
"""The tag that makes publishing idempotent."""

PACKAGE = "package_sha256"
"""The tag of a version with the digest of its manifest, for those who reach no lineage database."""

LEDGER = "ledger_sha256"
"""The tag of a registered model with the digest of its newest row in the ledger. So rows that are removed from the
ledger's end are missed."""

SQLITE = "sqlite:///"

SET_BY_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
"""Variables that ``set_tracking_uri`` and ``set_registry_uri`` leave behind for child processes."""


def absolute(uri: str, root: Path) -> str:
    """Make a relative SQLite URI absolute: ``sqlite:///mlflow.db`` is the file at the project's root.

    Args:
        uri: MLflow's tracking URI.
        root: the project's root.

    Returns:
        The URI, which then means the same wherever the process runs.
    """
    path = uri.removeprefix(SQLITE)
    if not uri.startswith(SQLITE) or Path(path).is_absolute():
        return uri
    return f"{SQLITE}{(root / path).resolve()}"


@contextmanager
def tracking(uri: str, *, root: Path) -> Iterator["MlflowClient"]:
    """Reach MLflow; its fluent functions mean the same one inside the block.

    Args:
        uri: MLflow's tracking and registry URI.
        root: the project's root.

    Yields:
        A client.

    Raises:
        RegistryError: where MLflow cannot be reached, or refuses; with the first line of its message.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # it may hold a password
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # of 7: a server that is down is soon known
    for name in ("alembic", "mlflow.store", "mlflow.tracking", "mlflow.models"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.exceptions import MlflowException

        before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
        environment = {name: os.environ.get(name) for name in SET_BY_MLFLOW}
        uri = absolute(uri, root)
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            yield mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        except MlflowException as error:
            # without its cause: the text of that may hold a password, and a traceback would show it
            first_line = str(error).splitlines()[0]
            raise RegistryError(
                f"MLflow at {uri}: {first_line}; MLFLOW_TRACKING_URI says where it is"
            ) from None
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])
            for name, value in environment.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def experiment(client: "MlflowClient", name: str, *, uri: str, root: Path) -> str:
    """Find an experiment, or make it, or take it back from the bin.

    Args:
        client: of MLflow.
        name: of the experiment.
        uri: MLflow's tracking URI.
        root: the project's root; without a server, the experiment's files are below it.

    Returns:
        The experiment's id.

    Raises:
        RegistryError: if its files can only be reached through a server, and ``uri`` is a database.
    """
    from mlflow.entities import LifecycleStage

    found = client.get_experiment_by_name(name)
    if found is None:
        local = uri.startswith(SQLITE)
        return client.create_experiment(name, (root / "mlruns" / name).resolve().as_uri() if local else None)
    if found.lifecycle_stage == LifecycleStage.DELETED:
        client.restore_experiment(found.experiment_id)
    if found.artifact_location.startswith("mlflow-artifacts:") and not uri.startswith("http"):
        raise RegistryError(
            f"the experiment {name!r} keeps its files behind an MLflow server: set MLFLOW_TRACKING_URI to that "
            "server's address (http://…) instead of its database"
        )
    return found.experiment_id


def version_of(client: "MlflowClient", name: str, version: int) -> "ModelVersion":
    """Find a registered version.

    Args:
        client: of MLflow.
        name: the registered model.
        version: its version.

    Returns:
        The version.

    Raises:
        RegistryError: there is no such version; it names those that there are.
    """
    versions = {int(each.version): each for each in client.search_model_versions(f"name='{name}'")}
    if version not in versions:
        there = ", ".join(map(str, sorted(versions))) or "none"
        raise RegistryError(f"{name} has no version {version}; there are: {there}")
    return versions[version]


def alias_of(client: "MlflowClient", name: str, alias: str) -> int | None:
    """Find the version that holds an alias in MLflow.

    Args:
        client: of MLflow.
        name: the registered model.
        alias: the alias.

    Returns:
        The version; None where none holds it.
    """
    from mlflow.exceptions import MlflowException

    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def version_named(client: "MlflowClient", reference: ModelReference) -> "ModelVersion":
    """Find the registered version that is meant; the champion where no version is named.

    Args:
        client: of MLflow.
        reference: the model.

    Returns:
        The version.

    Raises:
        RegistryError: there is no such version.
    """
    name, version = reference.name, reference.version
    if reference.alias == LATEST:
        versions = [int(each.version) for each in client.search_model_versions(f"name='{name}'")]
        version = max(versions, default=0)
    elif version is None:
        alias = reference.alias or CHAMPION
        version = alias_of(client, name, alias)
        if version is None:
            raise RegistryError(
                f"no version of {name} is {alias}; `emoflow models` lists what there is, `emoflow promote` makes one"
            )
    return version_of(client, name, version)


def runs_page(uri: str, experiment_id: str) -> str:
    """The address of an experiment's runs in MLflow's UI, in its view for training.

    Args:
        uri: MLflow's tracking URI.
        experiment_id: the experiment.

    Returns:
        The address. Where ``uri`` is a database, it is that of the UI that `emoflow ui` starts on this machine.
    """
    server = (
        uri.rstrip("/")
        if uri.startswith("http")
        else f"http://127.0.0.1:{os.environ.get('MLFLOW_PORT', 5000)}"
    )
    return f"{redacted(server)}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"


def artifact(client: "MlflowClient", run_id: str, path: str, folder: Path) -> Path | None:
    """Download an artifact of a run.

    Args:
        client: of MLflow.
        run_id: the run.
        path: the artifact, below the run's artifacts.
        folder: the folder to download into.

    Returns:
        The downloaded file; None where the run has no such artifact.
    """
    parent = path.rpartition("/")[0]
    if path not in {each.path for each in client.list_artifacts(run_id, parent or None)}:
        return None
    return Path(client.download_artifacts(run_id, path, str(folder)))
