"""Logs are kept over starts, and an error that keeps coming is found."""

import io

from emoflow import doctor, logs


def written(path, *lines):
    logs.write(io.StringIO("".join(f"{line}\n" for line in lines)), path).join()


def test_a_log_is_appended_to_with_the_time_of_each_line(tmp_path):
    path = tmp_path / "logs" / "server.log"
    written(path, "one", "two")
    written(path, "three")
    lines = path.read_text().splitlines()
    assert [line[24:] for line in lines] == [logs.STARTED, "one", "two", logs.STARTED, "three"]


def test_a_large_log_is_rotated(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "LARGEST", 200)
    path = tmp_path / "server.log"
    written(path, *(f"line {n}" for n in range(40)))
    assert path.stat().st_size <= 200
    assert sorted(each.name for each in tmp_path.iterdir()) == ["server.log", "server.log.1"]


def test_an_error_that_keeps_coming_is_found_whatever_its_time_and_id(tmp_path):
    path = tmp_path / "server.log"
    loop = [f"06:3{n}:00.123 | ERROR   | prefect - bulk of 0x7f{n} failed" for n in range(4)]
    written(path, "once: an ERROR", "INFO all is well", "INFO all is well", "INFO all is well", *loop)
    assert logs.recurring_errors(path) == ["ERROR   | prefect - bulk of … failed"]


def test_errors_of_before_the_last_start_are_over(tmp_path):
    path = tmp_path / "server.log"
    written(path, *["sqlalchemy.exc.InvalidRequestError: Can't evaluate"] * 5)
    assert logs.recurring_errors(path)
    written(path, "INFO all is well")
    assert logs.recurring_errors(path) == []


def test_no_log_has_no_errors(tmp_path):
    assert logs.recurring_errors(tmp_path / "none.log") == []


def test_the_doctor_names_the_server_and_its_error(tmp_path):
    written(tmp_path / logs.LOGS / "prefect.log", *["ERROR: no database"] * 3)
    written(tmp_path / logs.LOGS / "mlflow.log", "INFO all is well")
    [check] = doctor.server_logs(tmp_path)
    assert not check.ok and "prefect keeps reporting: ERROR: no database" in check.found
