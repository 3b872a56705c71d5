"""emoflow's rooms: corpora, protocols, fusion, search, evaluation, registry and lineage of emotion models.

Recordings of people's emotions are no business of anyone's telemetry. The libraries read their switches
from the environment when they are imported, so the switches are set here, before any of them; a value that
the user has set stays.
"""

import os

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
