"""The host names of a server."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class HostCheck:
    """Middleware that refuses requests which name another host.

    A page of another site can make its name resolve to this machine (DNS rebinding); browsers then treat it
    as this server's page. Requests must therefore name the server by IP address, localhost, or one of its
    names.

    Args:
        app: The application.
        names: The server's names.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app, self._names = app, {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 403."""
        if self._is_ours(Headers(scope=scope).get("host", "")):
            return await self._app(scope, receive, send)
        error = "This server does not have this host name; its operator can add names with --name."
        return await JSONResponse({"error": error}, 403)(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self._names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
