"""Limits of clients' connections: number and time."""

from __future__ import annotations

import asyncio
import json

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .limits import PATIENCE

ANSWER = 300.0  # seconds for a whole response
CONNECTIONS = 200  # in addition to those with a request in progress
PIECE = 1 << 16  # bytes of a response that are sent at once


class Connection(H11Protocol):
    """An uvicorn connection with time limits; the application limits the time of bodies.

    Idle connections must send complete headers within `PATIENCE` seconds. A client that receives a response
    has the same time to read each part of it. If there are too many connections, the one that is idle for
    longest is closed for a new one, so idle clients cannot lock others out.

    Attributes:
        most: Connections that may be open.
    """

    most = CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        self._asking: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._answered = 0.0  # start of a response of several parts
        super().connection_made(transport)
        self._wait_for_head()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        for timer in (self._asking, self._taking):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start to wait for the next request."""
        self._answered = 0.0
        self._wait_for_head()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Start to wait until the client reads a part of the response."""
        super().pause_writing()
        now = self.loop.time()
        self._answered = self._answered or now
        end = min(now + PATIENCE, self._answered + ANSWER)
        self._taking = self.loop.call_at(end, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the client has read."""
        if self._taking:
            self._taking.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Respond to invalid HTTP, if possible, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("Content-Type", "application/json"), ("Connection", "close")]
            body = json.dumps({"error": "The request is not valid HTTP, or its head is too long."}).encode()
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle:  # the rest of the current request will not be read
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _idle_until(self) -> float:
        return self._asking.when() if self._asking else 0

    def _wait_for_head(self) -> None:
        if self._asking:
            self._asking.cancel()
        self._asking = self.loop.call_later(PATIENCE, self._hang_up)

    def _hang_up(self) -> None:
        if self._idle:
            self.transport.abort()

    def _make_room(self) -> None:
        """Close the connection that is idle for longest, if there are too many."""
        there = [other for other in self.connections if not other.transport.is_closing()]
        if len(there) > self.most:
            idle = [other for other in there if isinstance(other, Connection) and other._idle]
            min(idle, key=Connection._idle_until).transport.abort()


class InPieces:
    """Middleware that sends a response in pieces, each after the client has read the previous ones.

    The application therefore ends its response when the client has read all but the last hundred kilobytes,
    and the response is never copied as a whole.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_pieces(message: Message) -> None:
            body = message.get("body", b"")
            last = max(0, len(body) - 1) // PIECE * PIECE  # start of the last piece
            for start in range(0, last, PIECE):
                await send({"type": message["type"], "body": body[start : start + PIECE], "more_body": True})
            await send({**message, "body": body[last:]} if last else message)

        await self._app(scope, receive, send_pieces)
