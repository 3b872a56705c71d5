"""Child processes that die with us: a new session each, and the whole group ended on any way out."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GRACE_S = 10.0
LOOK_EVERY_S = 0.05


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
            with child.stdout:
                for line in child.stdout:
                    on_line(line.rstrip("\n"))
        return child.wait()
    except BaseException:
        end_group(child)
        raise


def end_group(child: subprocess.Popen, grace_s: float = GRACE_S) -> None:
    """End the process group that ``child`` leads: SIGTERM, ``grace_s`` for all of it to go, SIGKILL.

    The leader's own end is not the group's: `dvc` goes at once, while the stage below it may still be tidying up.
    """
    _signal_group(child, signal.SIGTERM)
    try:
        until = time.monotonic() + grace_s
        while _alive(child) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
    finally:
        _signal_group(child, signal.SIGKILL)
        child.wait()


def end_marked(name: str, value: str, grace_s: float = GRACE_S) -> list[int]:
    """End every process that was started with ``name=value`` in its environment, and return their ids.

    The second line behind :func:`end_group`: it also finds what left the group, or outlived a parent that was
    killed outright, since the environment is inherited. Processes of other users cannot be read, and are left.
    """
    import psutil

    marked = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(name) == value:
                marked.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in marked:
            try:
                send(process)
            except psutil.NoSuchProcess:
                continue
        _, left = psutil.wait_procs(marked, timeout=grace_s)
        if not left:
            break
    return [process.pid for process in marked]


def _alive(child: subprocess.Popen) -> bool:
    """Whether anything of the group still runs; what has ended and only waits to be reaped does not count."""
    import psutil

    child.poll()
    for pid in psutil.pids():
        try:
            if os.getpgid(pid) == child.pid and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                return True
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return False


def _signal_group(child: subprocess.Popen, number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return
