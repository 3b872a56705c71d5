import errno

import pytest
from emoflow.errors import CorpusError, WorkspaceError, listed, run


def raising(error: BaseException):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "data/x"),
            "error: no space left on device (data/x): free some and run the same command again; "
            "what was finished is kept",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "data/x"),
            "error: read-only file system (data/x): choose a folder that can be written, or make it so, and run the "
            "same command again; what was finished is kept",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "data/x"),
            "error: permission denied (data/x): give this user access to it and run the same command again; what was "
            "finished is kept",
        ),
        (KeyboardInterrupt(), 130),
    ],
)
def test_what_a_user_can_mend_ends_a_stage_without_a_traceback(error, status):
    with pytest.raises(SystemExit) as ended:
        run(raising(error))
    assert ended.value.code == status


@pytest.mark.parametrize(("kind", "status"), [(CorpusError, 1), (WorkspaceError, 2)])
def test_an_error_of_ours_is_its_message_on_stderr_and_its_status(kind, status, capsys):
    with pytest.raises(SystemExit) as ended:
        run(raising(kind("no such corpus")))
    assert ended.value.code == status
    assert capsys.readouterr().err == "error: no such corpus\n"


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad file descriptor"), ValueError("a bug")])
def test_anything_else_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        run(raising(error))


def test_lists_are_cut():
    assert listed("abc") == "a, b, c"
    assert listed(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 … and 2 more"
