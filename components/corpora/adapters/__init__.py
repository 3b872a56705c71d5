"""Adapters, one per corpus layout: each reads a folder on disk into the utterance table."""

from . import crema_d, emodb, folder, iemocap, lrs3, manifest, meld, muse, ravdess

ADAPTERS = {
    "control": manifest.ADAPTER,
    "crema-d": crema_d.ADAPTER,
    "emodb": emodb.ADAPTER,
    "folder": folder.ADAPTER,
    "iemocap": iemocap.ADAPTER,
    "lrs3": lrs3.ADAPTER,
    "manifest": manifest.ADAPTER,
    "meld": meld.ADAPTER,
    "muse": muse.ADAPTER,
    "ravdess": ravdess.ADAPTER,
}
"""Layout, one of ``schema.LAYOUTS`` → its adapter."""
