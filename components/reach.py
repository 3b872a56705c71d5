"""Whether a server answers, asked in a few seconds and without its client library."""

import base64
import os
import socket
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit

PATIENCE_S = 5.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def get(url: str, *, login: str | None = None) -> bytes:
    """What the address answers. Loopback is asked directly, past any proxy that the environment names.

    Args:
        login: ``user:password``, for a server that asks for them; those in the address, where left out.

    Raises:
        OSError: (`URLError` is one) it cannot be reached, or answers anything but success.
    """
    parts = urlsplit(url)
    written, _, host = parts.netloc.rpartition("@")
    login = login or unquote(written)
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    request = urllib.request.Request(parts._replace(netloc=host).geturl(), headers=headers)  # noqa: S310 (the user's own setting)
    direct = [urllib.request.ProxyHandler({})] if parts.hostname in LOOPBACK else []
    with urllib.request.build_opener(*direct).open(request, timeout=PATIENCE_S) as answer:
        return answer.read()


def prefect(url: str) -> bytes:
    """:func:`get` with the login that Prefect's own setting names."""
    return get(url, login=os.environ.get("PREFECT_API_AUTH_STRING"))


def connect(host: str, port: int) -> None:
    """Raises OSError where nothing listens."""
    socket.create_connection((host, port), timeout=PATIENCE_S).close()


def problem(error: Exception) -> str:
    """What kept a server from answering, in a few words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"answers {error.code} {error.reason}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(reason, "strerror", None) or str(reason)
