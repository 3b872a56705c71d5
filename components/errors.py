"""What can go wrong, as one tree: catch the branch that you can mend.

EmoflowError
├── WorkspaceError     a command that needs a workspace, in a folder that is none; exit status 2
├── ParamsError        params.yaml: an unknown key, a value that cannot be
├── SettingsError      the environment: a service, a device or a tool that is not there
├── CorpusError        a corpus: its layout, names, labels, missing files
├── DownloadError      a file that cannot be downloaded, or has other bytes than expected
├── MediaError         one recording that cannot be used: undecodable, empty, silent
├── ContractBreach     a data contract that does not hold; names the rows
├── LeakageError       the same speaker, clip or sentence on both sides of a fold
├── ProtocolError      folds that cannot be made, or do not fit the corpus
├── ArtifactError      a stage's output that is missing, broken, or of another schema version
├── EncoderError       a pre-trained encoder that is unknown, not on this machine, or not what it should be
├── FeatureError       a feature store that is missing, broken, or of other rows
├── PipelineError      a stage that failed, or a dvc.yaml that DVC cannot read
├── PretrainingError   pre-training that cannot begin or go on
├── SearchError        a search in which nothing can be chosen
├── EvaluationError    predictions that do not fit their folds
├── LineageError       what came from what cannot be told
└── RegistryError      publishing, loading, promoting
    ├── GateRefused         a model that may not be promoted; names the gate
    └── PromotionConflict   the champion is no longer the one expected

A message says what is wrong, where, and what to do about it. It never holds a password: see `redacted`.
"""

import errno
import re
import sys
from collections.abc import Callable, Iterable

WRITE_FAILURES = {
    errno.ENOSPC: "free some",
    errno.EDQUOT: "free some",
    errno.EFBIG: "allow larger files there (ulimit -f)",
    errno.EROFS: "choose a folder that can be written, or make it so,",
    errno.EACCES: "give this user access to it",
    errno.EPERM: "give this user access to it",
    errno.EIO: "the device fails: see the system's log, or use another disk,",
    errno.ENAMETOOLONG: "choose a shorter name",
}
"""Why the system may refuse to write a file, by its error number, and what to do about it."""

_LOGIN = re.compile(r"(?<=://)(?:[^:/@\s'\"]*:(?!\d+/)[^@\s]*|[^:/@\s'\"]*)@(?:[^/@\s]*@)*")
"""What stands before the host of a URI. Of a password with ``/`` or ``@`` in it nothing is left, either."""

_SECRET = re.compile(
    r"(?i)(?<![\w.-])((?:ssl)?password|passwd|pwd|(?:client_)?secret|(?:access_|auth_)?token|api_?key|"
    r"aws_secret_access_key|x-amz-(?:signature|credential|security-token))=('[^']*'|[^&\s'\"]+)"
)
"""A secret in the query of a URI, or in a connection string of PostgreSQL."""


def redacted(text: str) -> str:
    """Leave passwords out of a text.

    Args:
        text: a URI, or any text that URIs stand in.

    Returns:
        The text with ``user:password@`` left out of each URI, and ``***`` for the value of each parameter that holds
        a secret, such as ``?password=``.
    """
    return _SECRET.sub(r"\1=***", _LOGIN.sub("", text))


class EmoflowError(Exception):
    """Something that the user can mend. The message is all they need to see.

    Attributes:
        status: the exit status of a command that it ends.
    """

    status = 1

    def __init__(self, *args: object):
        super().__init__(*(redacted(each) if isinstance(each, str) else each for each in args))


class WorkspaceError(EmoflowError):
    status = 2


class ParamsError(EmoflowError):
    pass


class SettingsError(EmoflowError):
    pass


class CorpusError(EmoflowError):
    pass


class DownloadError(EmoflowError):
    pass


class MediaError(EmoflowError):
    pass


class ContractBreach(EmoflowError):
    pass


class LeakageError(EmoflowError):
    pass


class ProtocolError(EmoflowError):
    pass


class ArtifactError(EmoflowError):
    pass


class EncoderError(EmoflowError):
    pass


class FeatureError(EmoflowError):
    pass


class PipelineError(EmoflowError):
    pass


class PretrainingError(EmoflowError):
    pass


class SearchError(EmoflowError):
    pass


class EvaluationError(EmoflowError):
    pass


class LineageError(EmoflowError):
    pass


class RegistryError(EmoflowError):
    pass


class GateRefused(RegistryError):
    pass


class PromotionConflict(RegistryError):
    pass


def listed(items: Iterable[object], most: int = 10) -> str:
    """The items in one line, cut at ``most``: ``a, b, c … and 4 more``."""
    items = [str(item) for item in items]
    more = f" … and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def run(main: Callable[[], None]) -> None:
    """Run the ``main`` of a stage or a command, and end the process where it fails.

    A user's error ends it with its message alone and the error's status, a file that cannot be written (see
    ``WRITE_FAILURES``) with status 1, Ctrl-C with 130.

    Args:
        main: takes nothing.

    Raises:
        SystemExit: for each of these.
        OSError: for any other failure of the system.
    """
    try:
        main()
    except EmoflowError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        if error.errno not in WRITE_FAILURES:
            raise
        where = f" ({error.filename})" if error.filename else ""
        sys.exit(
            f"error: {error.strerror.lower()}{where}: {WRITE_FAILURES[error.errno]} and run the same command again; "
            "what was finished is kept"
        )
    except KeyboardInterrupt:
        print("interrupted: what was finished is kept; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
