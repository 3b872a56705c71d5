"""Checks whether a server answers, within a few seconds and without its own client library."""

import os
import socket
from urllib.parse import urlsplit

TIMEOUT_S = 5.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def get(url: str, *, login: str | None = None) -> bytes:
    """Get the body of an http(s) address. Loopback is asked directly, past any proxy that the environment names.

    Args:
        url: may contain ``user:password@``.
        login: ``user:password``, instead of those in the address.

    Raises:
        OSError: it cannot be reached, or answers anything but success.
    """
    import httpx

    user, _, password = (login or "").partition(":")
    try:
        proxied = urlsplit(url).hostname not in LOOPBACK
        with httpx.Client(trust_env=proxied, timeout=TIMEOUT_S, follow_redirects=True) as client:
            auth = {"auth": (user, password)} if login else {}
            return client.get(url, **auth).raise_for_status().content
    except httpx.HTTPStatusError as error:
        answer = error.response
        raise ConnectionError(f"answers {answer.status_code} {answer.reason_phrase}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectionError(str(error) or type(error).__name__) from None


def prefect(url: str) -> bytes:
    """:func:`get` with the login that Prefect's own setting names."""
    return get(url, login=os.environ.get("PREFECT_API_AUTH_STRING"))


def connect(host: str, port: int) -> None:
    """Open and close a TCP connection. Raises OSError where nothing listens."""
    socket.create_connection((host, port), timeout=TIMEOUT_S).close()


def problem(error: Exception) -> str:
    """Why a server did not answer, in a few words."""
    return getattr(error, "strerror", None) or str(error)
