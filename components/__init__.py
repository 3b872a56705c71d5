"""emoflow: multimodal speech emotion recognition, from raw recordings to a promoted model with its lineage.

The functions listed in `API` are imported on first use: ``emoflow.load_corpus(…)``. The manual's page "Python API"
shows them together.

Recordings of people's emotions are no business of anyone's telemetry. The libraries read their switches
from the environment when they are imported, so the switches are set here, before any of them; a value that
the user has set stays.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "true",  # MLflow wants the word `true`; `1` does not do
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",  # otherwise MLflow fetches a list of models from the network
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}

for _name, _value in TELEMETRY_OFF.items():
    os.environ.setdefault(_name, _value)

API = {
    "Folds": "corpora",
    "assign_folds": "corpora",
    "load_corpus": "corpora",
    "extract_features": "features",
    "load_features": "features",
    "FittedPopulation": "training",
    "PreparedFold": "training",
    "configurations": "training",
    "fit_population": "training",
    "prepare_fold": "training",
    "strategies": "training",
    "evaluate": "evaluation",
    "load_model": "models",
}
"""Public name → the module of `emoflow.api` that has it."""

if TYPE_CHECKING:  # "as" says that a name is given on, which is all that type checkers need
    from .api.corpora import Folds as Folds
    from .api.corpora import assign_folds as assign_folds
    from .api.corpora import load_corpus as load_corpus
    from .api.evaluation import evaluate as evaluate
    from .api.features import extract_features as extract_features
    from .api.features import load_features as load_features
    from .api.models import load_model as load_model
    from .api.training import FittedPopulation as FittedPopulation
    from .api.training import PreparedFold as PreparedFold
    from .api.training import configurations as configurations
    from .api.training import fit_population as fit_population
    from .api.training import prepare_fold as prepare_fold
    from .api.training import strategies as strategies


def __getattr__(name: str) -> Any:
    if name not in API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".api.{API[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(API)
