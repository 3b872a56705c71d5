"""MLflow, reached: one place that knows its URIs, its noise and its global state."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RegistryError

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
    """``sqlite:///mlflow.db`` means the file at the project's root, wherever the process runs."""
    path = uri.removeprefix(SQLITE)
    if not uri.startswith(SQLITE) or Path(path).is_absolute():
        return uri
    return f"{SQLITE}{(root / path).resolve()}"


@contextmanager
def tracking(uri: str, *, root: Path) -> Iterator["MlflowClient"]:
    """A client of the MLflow at ``uri``; its fluent functions mean the same one inside the block.

    Raises:
        RegistryError: where MLflow cannot be reached, or refuses; with what it said.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
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
            said = str(error).splitlines()[0]
            raise RegistryError(
                f"MLflow at {shown(uri)}: {said}; MLFLOW_TRACKING_URI says where it is"
            ) from error
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])
            for name, value in environment.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def experiment(client: "MlflowClient", name: str, *, uri: str, root: Path) -> str:
    """The id of an experiment, made (or taken back from the bin) where needed.

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
    """A registered version. Raises RegistryError naming the versions there are."""
    versions = {int(each.version): each for each in client.search_model_versions(f"name='{name}'")}
    if version not in versions:
        there = ", ".join(map(str, sorted(versions))) or "none"
        raise RegistryError(f"{name} has no version {version}; there are: {there}")
    return versions[version]


def alias_of(client: "MlflowClient", name: str, alias: str) -> int | None:
    """The version that holds an alias in MLflow; None if none does."""
    from mlflow.exceptions import MlflowException

    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def runs_page(uri: str, experiment_id: str) -> str:
    """The address of an experiment's runs in MLflow's UI, in its view for training.

    Where ``uri`` is a database, the address is that of the UI that `emoflow ui` starts on this machine.
    """
    server = (
        uri.rstrip("/")
        if uri.startswith("http")
        else f"http://127.0.0.1:{os.environ.get('MLFLOW_PORT', 5000)}"
    )
    return f"{shown(server)}/#/experiments/{experiment_id}/runs?workflowType=machine_learning"


def artifact(client: "MlflowClient", run_id: str, path: str, folder: Path) -> Path | None:
    """A run's artifact, downloaded into ``folder``; None if the run has none of that name."""
    parent = path.rpartition("/")[0]
    if path not in {each.path for each in client.list_artifacts(run_id, parent or None)}:
        return None
    return Path(client.download_artifacts(run_id, path, str(folder)))


def shown(uri: str) -> str:
    """A URI without the password in it."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
