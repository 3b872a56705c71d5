"""What is registered, as `emoflow models` lists it. Imports nothing that computes, so that it answers at once."""

from pathlib import Path
from typing import Any

from ..errors import listed
from ..lineage.reference import CHALLENGER, CHAMPION, LATEST, ModelReference
from ..lineage.store import Store
from .tracking import alias_of, tracking


def models(
    model: ModelReference | None = None, *, root: str | Path, tracking_uri: str, lineage_uri: str
) -> list[dict[str, Any]]:
    """List every registered version, by name and newest first.

    Args:
        model: one registered model, or one version of it; all where None.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database.

    Returns:
        One dict a version: ``name, version, role, protocol, strategy, corpora, ua, lineage, note``. ``note`` says
        where MLflow's alias differs from the ledger (it was moved by hand, or a promotion was killed half-way), and
        from whom of those who withdrew consent the version learned.

    Raises:
        RegistryError: MLflow cannot be reached.
        LineageError: the lineage database cannot be read.
    """
    root = Path(root)
    rows = []
    with Store(lineage_uri, root=root) as store, tracking(tracking_uri, root=root) as client:
        name_filter = f"name='{model.name}'" if model else None
        for registered in sorted(client.search_registered_models(name_filter), key=lambda each: each.name):
            champion = store.holder(registered.name)
            alias = alias_of(client, registered.name, CHAMPION)
            challenger = alias_of(client, registered.name, CHALLENGER)
            versions = client.search_model_versions(f"name='{registered.name}'")
            for entry in sorted(versions, key=lambda each: -int(each.version)):
                version = int(entry.version)
                role = {challenger: CHALLENGER, champion: CHAMPION}.get(version, "")
                notes = [_difference(version, champion, alias)]
                if withdrawn := store.withdrawn_from(registered.name, version):
                    notes.append(f"learned from {listed(withdrawn)}")
                run = client.get_run(entry.run_id) if entry.run_id else None
                rows.append(
                    {
                        "name": registered.name,
                        "version": version,
                        "role": role,
                        "protocol": entry.tags.get("protocol", ""),
                        "strategy": entry.tags.get("strategy", ""),
                        "corpora": entry.tags.get("corpora", ""),
                        "ua": run.data.metrics.get("ua") if run else None,
                        "lineage": entry.tags.get("lineage", "unknown"),
                        "note": "; ".join(filter(None, notes)),
                    }
                )
    if model is None or not model.names_a_version:
        return rows
    if model.alias == LATEST:
        return rows[:1]
    return [row for row in rows if row["version"] == model.version or row["role"] == model.alias]


def _difference(version: int, champion: int | None, alias: int | None) -> str:
    """What the ledger and MLflow's alias say differently of a version; empty where they agree."""
    if champion == alias or version not in (champion, alias):
        return ""
    in_words = {each: "nobody" if each is None else f"version {each}" for each in (champion, alias)}
    if version == alias:
        return f"MLflow's alias says champion, the ledger says {in_words[champion]}"
    return f"the ledger says champion, MLflow's alias says {in_words[alias]}"
