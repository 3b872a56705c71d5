"""Child processes that die with us: a new session each, and the whole group ended on any way out."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GRACE_S = 10.0


def run_group(
    command: Sequence[str],
    *,
    on_line: Callable[[str], None] | None = None,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Run ``command`` in a process group of its own and return its exit status.

    Call it from the main thread: whatever ends the wait there (Ctrl-C, a cancelled Prefect run, any exception)
    first ends the group, politely and after ten seconds with force, grandchildren included.

    Args:
        on_line: called with each line of the child's output, both streams merged; inherited where None.
    """
    child = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        start_new_session=True,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE if on_line else None,
        stderr=subprocess.STDOUT if on_line else None,
    )
    try:
        if on_line:
            for line in child.stdout:
                on_line(line.rstrip("\n"))
        return child.wait()
    except BaseException:
        end_group(child)
        raise


def end_group(child: subprocess.Popen) -> None:
    """End the process group that ``child`` leads: SIGTERM, ten seconds, SIGKILL."""
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _signal_group(child: subprocess.Popen, number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return
