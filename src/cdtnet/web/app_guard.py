"""Keeping other sites' pages away from a server on the visitor's own machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Guard:
    """Middleware that refuses requests which other sites' pages may have caused.

    A page elsewhere can make its own name resolve to this machine (DNS rebinding): so the request must name
    this server by address, as localhost, or as it was told to be called. Else a page can send requests but
    not read the answers: so what changes something must come from a page of this server.

    Args:
        app: The application.
        host: A name or address by which it may be called.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app, self._names = app, {"localhost", host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] == "http" and not self._is_welcome(Headers(scope=scope), scope["scheme"]):
            refusal = JSONResponse({"error": "This server answers its own page only."}, 403)
            return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)

    def _is_welcome(self, headers: Headers, scheme: str) -> bool:
        host, origin = headers.get("host", ""), headers.get("origin")
        site = headers.get("sec-fetch-site", "none")
        foreign = site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"
        return self._is_ours(host) and not foreign and origin in (None, f"{scheme}://{host}")

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
