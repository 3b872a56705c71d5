"""The deployments `experiment/nightly` and `pretraining/when-asked`, served from this workspace.

`python -m emoflow.flows.serve` serves them.

It starts the runs that the Prefect UI, the API or the schedule asks for, one at a time, since a workspace holds one
experiment. When it ends, the schedule is not paused, and a run in progress is ended with it.
"""

import os
from pathlib import Path

import emoflow  # noqa: F401  (switches telemetry off)

CRON = "0 3 * * *"
DEPLOYMENT, PRETRAINING = "experiment/nightly", "pretraining/when-asked"
OWN_SERVER = "EMOFLOW_OWN_SERVER"
"""Set where no worker but this one can run the deployment: then what is in progress at its start has no worker."""


def time_zone() -> str:
    """The time zone of the schedule.

    Returns:
        This machine's, by its IANA name; UTC where it has none (Prefect would take UTC for every machine).
    """
    from zoneinfo import available_timezones

    name = (
        os.environ.get("TZ", "").lstrip(":")
        or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    )
    return name if name in available_timezones() else "UTC"


def schedule() -> str:
    """When the deployment runs by itself, in words: ``every night at 3:00 (Europe/Helsinki)``."""
    return f"every night at 3:00 ({time_zone()})"


def main() -> None:
    """Serve the deployments until the process is ended."""
    from prefect import serve
    from prefect.flows import EntrypointType
    from prefect.schedules import Cron

    from . import scheduled
    from .experiment import experiment
    from .pretraining import pretraining

    if OWN_SERVER in os.environ:
        api, login = os.environ["PREFECT_API_URL"], os.environ.get("PREFECT_API_AUTH_STRING")
        with scheduled.client(api, login) as server:
            if closed := scheduled.close_orphans(server):
                print(f"marked {closed} runs as crashed: the worker that ran them has ended", flush=True)
    nightly = experiment.to_deployment(
        name=DEPLOYMENT.partition("/")[2],
        description=f"The workspace's experiment as params.yaml states it: {schedule()}, and when asked.",
        schedule=Cron(CRON, timezone=time_zone()),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    when_asked = pretraining.to_deployment(
        name=PRETRAINING.partition("/")[2],
        description="A model pre-trained, fine-tuned or adapted as pretrain/params.yaml states it, when asked.",
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    serve(nightly, when_asked, limit=1, pause_on_shutdown=False, print_starting_message=False)


if __name__ == "__main__":
    main()
