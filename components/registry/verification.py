"""Is what is registered still what was published and promoted? The ledger, MLflow's copy of it, and every file."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..lineage.reference import CHAMPION
from ..lineage.store import Store
from .download import fetch, recorded, version_problems
from .tracking import LEDGER, alias_of, tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass
class Verification:
    """What was looked at, and what is wrong.

    Attributes:
        rows: of the ledger.
        versions: whose files were compared with what was recorded.
        unrecorded: versions of which nothing was recorded, so that nothing can be compared.
        problems: one sentence each.
    """

    rows: int = 0
    versions: int = 0
    unrecorded: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def verify(name: str | None = None, *, root: str | Path, tracking_uri: str, lineage_uri: str) -> Verification:
    """Check the ledger's hash chain, what MLflow remembers of the ledger, and the files of every version.

    Every version is downloaded; nothing of it is run.

    Args:
        name: one registered model; all where None.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database.

    Returns:
        What was looked at, and what is wrong.

    Raises:
        RegistryError: MLflow cannot be reached, or gives a version's files no more.
        LineageError: the lineage database cannot be read.
    """
    root = Path(root)
    found = Verification()
    with Store(lineage_uri, root=root) as store, tracking(tracking_uri, root=root) as client:
        found.rows = len(store.ledger())
        found.problems += store.ledger_problems()
        for registered in client.search_registered_models(f"name='{name}'" if name else None):
            found.problems += _ledger_differences(client, store, registered.name, registered.tags)
            for version in client.search_model_versions(f"name='{registered.name}'"):
                uri = f"models:/{version.name}/{version.version}"
                if not recorded(version, store=store):
                    found.unrecorded.append(uri)
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    problems = version_problems(version, fetch(uri, Path(folder)), store=store)
                found.versions += 1
                found.problems += [f"{uri}: {problem}" for problem in problems]
    return found


def _ledger_differences(client: "MlflowClient", store: Store, name: str, tags: dict[str, str]) -> list[str]:
    """Where MLflow's alias, and the digest of the last row that it was told, differ from the ledger."""
    problems = []
    rows = store.ledger(name)
    if LEDGER in tags and tags[LEDGER] not in {row.sha256 for row in rows}:
        problems.append(
            f"{name}: the last row of the ledger that MLflow was told of ({tags[LEDGER][:12]}) is not there: rows were "
            "removed or rewritten, or this is another lineage database"
        )
    champion, alias = store.holder(name), alias_of(client, name, CHAMPION)
    if champion != alias:
        problems.append(
            f"{name}: by the ledger the champion is {_version(champion)}, by MLflow's alias {_version(alias)}: "
            "`emoflow publish` or `emoflow promote` sets the alias right"
        )
    return problems


def _version(version: int | None) -> str:
    return "nobody" if version is None else f"version {version}"
