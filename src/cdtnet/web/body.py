"""Bodies that keep to a limit."""

from __future__ import annotations

from contextlib import suppress

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINGER = 5.0  # seconds for the rest of a body whose answer is ready
_STALL = 0.5  # seconds without any of it


class BodyLimit:
    """Middleware that refuses a body that is too long with 413: by its announced length, or while it is read.

    What remains of a body when the answer is ready is read and dropped, up to a limit: most clients send
    all of it before they look, and would otherwise see a broken connection instead of the answer.

    Args:
        app: The application.
        max_bytes: The longest body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        body = _Body(scope, receive, send, self._max_bytes)
        await self._app(scope, body.receive, body.send)


class _Body:
    """The two directions of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_bytes: int) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        self._receive, self._send, self._max_bytes = receive, send, max_bytes
        self._too_long = length.isdecimal() and int(length) > max_bytes
        self._count = 0
        self._complete = (
            headers.get("expect", "").lower() == "100-continue"
        )  # nothing comes before it is asked for

    async def receive(self) -> Message:
        """The next message, as long as the body keeps to the limit."""
        if not self._too_long:
            message = await self._next()
            self._too_long = self._count > self._max_bytes
        if self._too_long:
            raise HTTPException(413, f"The request is longer than {self._max_bytes:,} bytes.")
        return message

    async def send(self, message: Message) -> None:
        """Hand the answer on, after the rest of the body."""
        if message["type"] == "http.response.start":
            with suppress(TimeoutError), anyio.fail_after(_LINGER):
                while not self._complete and self._count <= 2 * self._max_bytes:
                    with anyio.fail_after(_STALL):
                        await self._next()
        await self._send(message)

    async def _next(self) -> Message:
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)  # nor does anything come after a disconnect
        return message
