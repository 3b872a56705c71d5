"""Child processes: their status, their lines, and that none of them outlives the wait for it."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid

import psutil
import pytest
from emoflow import process
from emoflow.process import end_group, end_marked, run_group


def python(source: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(source)]


FAMILY = """
    import os, subprocess, sys, time
    # two generations below, the last of them deaf to SIGTERM
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-u", "-c", deaf])
    print("pids", os.getpid(), child.pid)
    time.sleep(600)
"""


@pytest.fixture
def short_grace(monkeypatch):
    monkeypatch.setattr(end_group, "__defaults__", (0.5,))


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_gone(pids):
    until = time.monotonic() + 5
    while any(map(running, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [pid for pid in pids if running(pid)]


class Family:
    """Collects the ids that FAMILY prints, and calls ``then`` once all of it is up."""

    def __init__(self, then):
        self.pids, self.then = [], then

    def __call__(self, line):
        if line.startswith("pids"):
            self.pids = [int(word) for word in line.split()[1:]]
        elif line == "up":
            self.up = True
        if self.pids and getattr(self, "up", False):
            self.then()


@pytest.mark.parametrize("status", [0, 3, 130])
def test_the_exit_status_is_the_childs(status):
    assert run_group(python(f"import sys; sys.exit({status})")) == status


def test_a_child_killed_by_a_signal_has_its_negative_number():
    assert run_group(python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")) == -signal.SIGKILL


def test_lines_of_both_streams_come_as_they_are_written():
    arrivals = []
    run_group(
        python("""
            import sys, time
            print("first")
            time.sleep(0.4)
            print("second", file=sys.stderr)
            sys.stdout.buffer.write(b"not \\xff utf-8, no newline")
        """),
        on_line=lambda line: arrivals.append((line, time.monotonic())),
    )
    assert [line for line, _ in arrivals] == [
        "first",
        "second",
        "not \N{REPLACEMENT CHARACTER} utf-8, no newline",
    ]
    assert arrivals[1][1] - arrivals[0][1] > 0.2


def test_environment_and_folder_are_the_ones_given(tmp_path):
    lines = []
    source = "import os; print(os.getcwd()); print(os.environ['SAID'])"
    run_group(python(source), on_line=lines.append, cwd=tmp_path, env={**os.environ, "SAID": "so"})
    assert lines == [str(tmp_path.resolve()), "so"]


def test_an_exception_while_reading_ends_the_grandchildren_too(short_grace):
    def fail():
        raise ValueError("no more")

    family = Family(fail)
    with pytest.raises(ValueError, match="no more"):
        run_group(python(FAMILY), on_line=family)
    assert len(family.pids) == 2
    assert_gone(family.pids)


def test_ctrl_c_while_waiting_ends_the_grandchildren_too(short_grace):
    family = Family(lambda: threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start())
    with pytest.raises(KeyboardInterrupt):
        run_group(python(FAMILY), on_line=family)
    assert_gone(family.pids)


def test_what_outlives_its_leader_gets_its_time_to_tidy_up(tmp_path):
    """The leader goes at once on SIGTERM; the one below it writes a file first, and must be let."""
    tidy = f"""
        import signal, sys, time
        def stop(*_):
            time.sleep(0.5)
            open({str(tmp_path / "tidied")!r}, "w").close()
            sys.exit()
        signal.signal(signal.SIGTERM, stop)
        print("up", flush=True)
        time.sleep(600)
    """
    leader = f"""
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-u", "-c", {textwrap.dedent(tidy)!r}])
        time.sleep(600)
    """

    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_group(python(leader), on_line=stop)
    assert (tmp_path / "tidied").exists()


def test_the_end_is_quick_where_all_go_politely():
    def stop(line):
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_group(python("import time; print('up'); time.sleep(600)"), on_line=stop)
    assert time.monotonic() - began < process.GRACE_S / 2


def test_a_marked_process_is_found_in_whatever_session_it_hides():
    mark = uuid.uuid4().hex
    source = """
        import os, subprocess, sys, time
        away = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        print(os.getpid(), away.pid, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen(
        python(source), stdout=subprocess.PIPE, text=True, env={**os.environ, "EMOFLOW_TEST_MARK": mark}
    ) as child:
        pids = [int(word) for word in child.stdout.readline().split()]
        assert end_marked("EMOFLOW_TEST_MARK", "another") == []
        assert all(map(running, pids))
        assert sorted(end_marked("EMOFLOW_TEST_MARK", mark)) == sorted(pids)
    assert_gone(pids)
