"""MLflow's aliases, set to what the ledger says: MLflow itself has neither history nor compare-and-set."""

from typing import TYPE_CHECKING

from ..lineage.reference import CHALLENGER, CHAMPION
from ..lineage.store import Store
from .tracking import LEDGER, alias_of

if TYPE_CHECKING:
    from mlflow import MlflowClient


def project(client: "MlflowClient", store: Store, name: str) -> None:
    """Give MLflow's alias to the ledger's champion, and tell MLflow the digest of the ledger's newest row.

    A challenger that has become champion is challenger no more.

    One process at a time does so, and reads the ledger when its turn comes: so a slow one cannot undo what a later
    one did. Where a process was killed before it came to this, the next `publish` or `promote` does it.

    Args:
        client: of MLflow.
        store: the lineage database, which holds the ledger.
        name: the registered model.

    Raises:
        LineageError: another process did not end its turn.
    """
    if store.holder(name) is None:
        return
    with store.projecting():
        champion = store.holder(name)
        if alias_of(client, name, CHAMPION) != champion:
            client.set_registered_model_alias(name, CHAMPION, champion)
        if alias_of(client, name, CHALLENGER) == champion:
            client.delete_registered_model_alias(name, CHALLENGER)
        newest = store.ledger(name)[-1].sha256
        if client.get_registered_model(name).tags.get(LEDGER) != newest:
            client.set_registered_model_tag(name, LEDGER, newest)
