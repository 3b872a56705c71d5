"""Encoders (media to token sequences) and the feature store.

ENCODERS["egemaps"]                              the encoders by name, each a class
make(["egemaps", {"hf": …}], {}, models=…)       the encoders of one modality, with its params
encode(encoders, source)                         one recording's tokens as training sees them
FeatureStore.open(folder), open_all(root, corpora)
"""

from .base import Encoder, layout_of, merge
from .model_files import ModelFiles
from .pretrained.spec import name_of
from .registry import ENCODERS, encode, make
from .store import FeatureStore, open_all

__all__ = [
    "ENCODERS",
    "Encoder",
    "FeatureStore",
    "ModelFiles",
    "encode",
    "layout_of",
    "make",
    "merge",
    "name_of",
    "open_all",
]
