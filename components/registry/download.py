"""Download a registered version, and check every file of it before anything of it is run.

What its files should be is recorded when it is published: the manifest in the lineage database, and the manifest's
digest in MLflow's registry, for those who reach no lineage database. Neither lies with the files.
"""

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RegistryError, listed
from ..files import digest_of
from ..lineage import Store
from .manifest import differences, file_digests
from .tracking import PACKAGE

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

MODEL = Path("artifacts/model")
"""Where a version has ``model.json`` and the weights."""

logger = logging.getLogger("emoflow")


def fetch(uri: str, folder: Path) -> Path:
    """Download a model from the MLflow that `tracking` reached, without what earlier loading left in it.

    Args:
        uri: the model, as MLflow names it.
        folder: an empty folder to download into. Without one, MLflow would hand out the registry's own files, and
            they could still change after they are checked.

    Returns:
        The folder that holds ``MLmodel``.
    """
    import mlflow

    downloaded = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))
    for cache in list(downloaded.rglob("__pycache__")):  # Python would run what is in there
        shutil.rmtree(cache)
    return downloaded


def fetch_verified(
    registered: "ModelVersion", folder: Path, *, store: Store, must_be_recorded: bool = True
) -> Path:
    """Download a version, and compare every file with what was recorded when it was published.

    Args:
        registered: the version.
        folder: an empty folder to download into.
        store: the lineage database. Where it does not know the version, MLflow's tag of the version counts.
        must_be_recorded: whether to refuse a version that an emoflow published which did not record its files. If
            not, a warning is logged.

    Returns:
        The folder that holds ``MLmodel``.

    Raises:
        RegistryError: a file was changed, added or removed since; or nothing is recorded.
    """
    name, version = registered.name, int(registered.version)
    downloaded = fetch(f"models:/{name}/{version}", folder)
    if problems := version_problems(registered, downloaded, store=store):
        raise RegistryError(
            f"models:/{name}/{version} is not as it was published ({listed(problems, 5)}): nothing of it was run. "
            "Find out who can write to MLflow's artifacts, restore the files, or publish the model again"
        )
    if not recorded(registered, store=store):
        sentence = f"models:/{name}/{version} was published before emoflow recorded the files of a model"
        if must_be_recorded:
            raise RegistryError(
                f"{sentence}, so they cannot be verified: delete this version in MLflow, then `emoflow publish` again"
            )
        logger.warning("%s: they are not verified", sentence)
    return downloaded


def recorded(registered: "ModelVersion", *, store: Store) -> bool:
    """Whether it was recorded what a version's files should be.

    Args:
        registered: the version.
        store: the lineage database.

    Returns:
        True where the lineage database or MLflow's registry states it.
    """
    return bool(_manifest(registered, store) or registered.tags.get(PACKAGE))


def version_problems(registered: "ModelVersion", downloaded: Path, *, store: Store) -> list[str]:
    """Compare a downloaded version with what was recorded when it was published.

    Args:
        registered: the version.
        downloaded: its folder, as `fetch` returns it.
        store: the lineage database.

    Returns:
        One phrase for each file that differs; empty where none does, and where nothing is recorded.
    """
    found = file_digests(downloaded)
    manifest = _manifest(registered, store)
    if manifest is not None:
        return differences(found, manifest)
    if registered.tags.get(PACKAGE, digest_of(found)) != digest_of(found):
        return [f"its files have not the digest of its tag {PACKAGE}"]
    return []


def _manifest(registered: "ModelVersion", store: Store) -> dict[str, str] | None:
    return store.manifest(registered.name, int(registered.version))
