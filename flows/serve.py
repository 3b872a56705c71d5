"""The deployment `experiment/nightly`, served from this workspace: `python -m emoflow.flows.serve`.

It starts what the Prefect UI, the API or its schedule asks for, one run at a time, since a workspace holds one
experiment. Ending it neither pauses the schedule nor leaves a run behind.
"""

import os
from pathlib import Path

import emoflow  # noqa: F401  (switches telemetry off)

CRON = "0 3 * * *"


def time_zone() -> str:
    """This machine's time zone by its IANA name; UTC where it has none. Prefect would take UTC for all."""
    from zoneinfo import available_timezones

    named = (
        os.environ.get("TZ", "").lstrip(":")
        or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    )
    return named if named in available_timezones() else "UTC"


def main() -> None:
    from prefect.flows import EntrypointType
    from prefect.schedules import Cron

    from .experiment import experiment

    experiment.serve(
        name="nightly",
        description="The workspace's experiment as params.yaml states it: every night at three, and whenever asked.",
        schedule=Cron(CRON, timezone=time_zone()),
        limit=1,
        pause_on_shutdown=False,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


if __name__ == "__main__":
    main()
