"""Protection from pages of other sites, for a server on the visitor's own machine."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Guard:
    """Middleware that refuses requests which pages of other sites may have caused.

    Such pages can send requests but not read the responses, so requests that change something must come from
    a page of this server. `HostCheck` prevents other sites from using its name.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 403."""
        if scope["type"] == "http" and not _is_welcome(Headers(scope=scope), scope["scheme"]):
            refusal = JSONResponse({"error": "This server accepts requests only from its own page."}, 403)
            return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)


def _is_welcome(headers: Headers, scheme: str) -> bool:
    host, origin = headers.get("host", ""), headers.get("origin")
    site = headers.get("sec-fetch-site", "none")
    foreign = site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"
    return not foreign and origin in (None, f"{scheme}://{host}")
