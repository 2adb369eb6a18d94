"""The optional API key of a server."""

from __future__ import annotations

import hashlib
import secrets

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class KeyCheck:
    """Middleware that refuses requests without the right key.

    Args:
        app: The application.
        key: The key that `Authorization: Bearer` must contain.
        open_paths: Paths that need no key.
    """

    def __init__(self, app: ASGIApp, key: str, open_paths: frozenset[str]) -> None:
        self._app, self._open_paths = app, open_paths
        self._digest = _digest(key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["path"] in self._open_paths or self._has_key(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            error = {"error": "This server needs a key; send it as Authorization: Bearer KEY."}
            await JSONResponse(error, 401, {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        same = secrets.compare_digest(_digest(key.strip()), self._digest)  # in constant time
        return scheme.lower() == "bearer" and same


def _digest(key: str) -> bytes:
    """Hash a key to a fixed length, so that the time of comparisons reveals nothing."""
    return hashlib.sha256(key.encode()).digest()
