"""Prefect's and MLflow's servers behind one check: a request is meant for this machine, and no other page sent it.

A web page may send requests to a server on loopback, under a name of its own (DNS rebinding) or from another origin,
a page of another local port included. Prefect 3.9 checks neither; MLflow 3.17 lets every ``localhost`` port in.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost"})


class SameOrigin:
    """An ASGI application that answers 403 to requests for another host or from another origin.

    The port in ``Host`` is free, so that a tunnel (``ssh -L``) may use another one; ``Origin``, which browsers send
    and scripts do not, must be the address in ``Host``.

    Args:
        app: the application that answers all other requests.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self.app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.datastructures import Headers
        from starlette.responses import PlainTextResponse

        if scope["type"] in ("http", "websocket") and (why := refusal(Headers(scope=scope))):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": why})
            else:
                await PlainTextResponse(why, status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def refusal(headers: Mapping[str, str]) -> str | None:
    """Why a request is refused.

    Args:
        headers: the request's, by lower-case name.

    Returns:
        A sentence; None where it is not refused.
    """
    host, origin = headers.get("host") or "", headers.get("origin")
    if _hostname(host) not in LOOPBACK:
        return f"{host!r} is not this machine: open it as http://127.0.0.1:PORT"
    if origin is not None and origin.partition("://")[2] != host:
        return f"a page of {origin!r} may not use this server"
    return None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # as for an opening bracket without a closing one
        return None


def prefect() -> SameOrigin:
    """Prefect's API, user interface and services, for ``uvicorn --factory``."""
    from prefect.server.api.server import create_app

    return SameOrigin(create_app(final=True))


def mlflow() -> SameOrigin:
    """MLflow's server, for ``mlflow server --app-name emoflow``."""
    from mlflow.server.fastapi_app import app

    return SameOrigin(app)
