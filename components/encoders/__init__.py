"""Encoders (media to token sequences) and the feature store.

ENCODERS["egemaps"]                              the encoders by name, each a class
make(["egemaps", "compare"], {})                 the encoders of one modality, with its params
encode(encoders, source)                         one recording's tokens as training sees them
FeatureStore.open(folder), open_all(root, corpora)
"""

from .base import Encoder, layout_of, merge
from .registry import ENCODERS, encode, make
from .store import TABLE, FeatureStore, open_all

__all__ = ["ENCODERS", "TABLE", "Encoder", "FeatureStore", "encode", "layout_of", "make", "merge", "open_all"]
