"""When the experiment runs and what happens around it: Prefect flows, their deployment, the servers to look at.

Prefect reads its settings from the environment when it is imported, so what this project wants different is set
here, before; what the user has set stays. Its database lies with the project, so that runs made without any
server show up as soon as `make ui` starts one.
"""

import os
from pathlib import Path

import emoflow  # noqa: F401  (switches telemetry off)

SETTINGS = {
    "PREFECT_HOME": str(Path(".emoflow/prefect").absolute()),
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # the default is pickle
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # two busy cores need more than its 20
}

for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)
