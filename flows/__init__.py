"""Prefect flows, their deployment, and the servers whose user interfaces show them.

Prefect reads its settings from the environment when it is imported, so the project's defaults are set here, before;
a value that the user has set stays. Prefect's database is in the workspace, so that `emoflow ui` also shows the runs
that were made without a server.
"""

import os
from pathlib import Path

import emoflow  # noqa: F401  (switches telemetry off)

SETTINGS = {
    "PREFECT_HOME": str(Path(".emoflow/prefect").absolute()),
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # the default is pickle
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "http://127.0.0.1",  # the default lets pages of any address in
    "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # its 20 are too few on two busy cores
}

for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)

# Prefect makes this folder when it is imported, but not the one above it.
Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
