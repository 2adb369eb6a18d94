"""Limits of request bodies."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import PATIENCE

MAX_OBJECT = 10_000  # bytes of JSON
RATE = 10_000  # bytes per second that must arrive after `PATIENCE`
_LINGER = 5.0  # seconds for the rest of a body when the response is ready
_STALL = 0.5  # seconds without any data


class BodyLimit:
    """Middleware that refuses bodies that are too long with 413, by their declared length or while reading.

    A slow body is refused with 408: it may take `PATIENCE` seconds, and one more for every `RATE` bytes. When
    the response is ready, the rest of the body is read and dropped, up to a limit, because most clients send
    the whole request before they read, and would otherwise see a broken connection instead of the response.

    Args:
        app: The application.
        max_bytes: The limit in bytes.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        body = _Body(scope, receive, send, self._max_bytes)
        await self._app(scope, body.receive, body.send)


class _Body:
    """The receiving and sending side of one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_bytes: int) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        self._receive, self._send, self._max_bytes = receive, send, max_bytes
        self._too_long = length.isdecimal() and int(length[:20]) > max_bytes
        self._count = 0
        self._complete = False
        self._waiting = headers.get("expect", "").lower() == "100-continue"  # the client waits for a reply
        self._begun: float | None = None

    async def receive(self) -> Message:
        """Return the next message while the body is within the limits."""
        if not self._too_long:
            message = await (self._next() if self._complete else self._next_in_time())
            self._too_long = self._count > self._max_bytes
        if self._too_long:
            raise HTTPException(413, f"The request is longer than {self._max_bytes:,} bytes.")
        return message

    async def send(self, message: Message) -> None:
        """Send the response, after the rest of the body."""
        if message["type"] == "http.response.start" and not self._waiting:
            with suppress(TimeoutError), anyio.fail_after(_LINGER):
                while not self._complete and self._count <= 2 * self._max_bytes:
                    with anyio.fail_after(_STALL):
                        await self._next()
        await self._send(message)

    async def _next_in_time(self) -> Message:
        now = anyio.current_time()
        self._begun = self._begun or now
        try:
            with anyio.fail_after(max(0, self._begun + PATIENCE + self._count / RATE - now)):
                return await self._next()
        except TimeoutError:
            sentence = (
                f"The request arrives too slowly: less than {RATE:,} bytes a second after {PATIENCE:g} s."
            )
            raise HTTPException(408, sentence) from None

    async def _next(self) -> Message:
        self._waiting = False
        message = await self._receive()
        self._count += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)  # also for a disconnect
        return message


async def read_object(request: Request) -> dict[str, Any]:
    """Read a JSON object from the body; 400 if it is not one, 413 if it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_OBJECT:
            raise HTTPException(413, f"The object is longer than {MAX_OBJECT:,} bytes.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HTTPException(400, "Send a JSON object.")
    return value
