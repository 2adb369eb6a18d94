"""Clients that disconnect early, send slowly, or never read; the server must close their connections."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from asking import CLOSED, Answer, chunked, connect, form, head, receive, send
from good_requests import Good

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Leaver:
    """A client that disconnects before the answer comes.

    Attributes:
        kind: Its row in the table.
        request: The whole request.
        share: The share of the request that is sent; 1 to disconnect while the picture is processed.
    """

    kind: str
    request: Good
    share: float

    def ask(self, port: int, random: Random) -> None:
        """Send the share and disconnect."""
        data = b"".join(self.request.parts)
        with connect(port) as connection:
            send(connection, [data[: max(1, int(len(data) * self.share))]])
            time.sleep(random.uniform(0, 0.3))


@dataclass(frozen=True)
class Dripper:
    """A client that sends a byte per second, or nothing, until the server closes the connection.

    Attributes:
        kind: Its row in the table.
        first: The bytes sent at once.
        drip: The bytes sent once a second.
        statuses: Statuses that the server may send before it closes the connection.
    """

    kind: str
    first: bytes
    drip: bytes
    statuses: tuple[int, ...]

    def ask(self, port: int, stop: Stop) -> Answer | None:
        """Return the server's answer, or None if it waited until everything was sent."""
        with connect(port) as connection:
            send(connection, [self.first])
            connection.settimeout(1.0)
            answer = None
            while answer is None and not stop():
                answer = self._drip(connection)
        return answer

    def _drip(self, connection: socket.socket) -> Answer | None:
        try:
            connection.sendall(self.drip)
            return receive(connection)
        except TimeoutError:
            return None
        except (BrokenPipeError, ConnectionResetError):
            return Answer()


@dataclass(frozen=True)
class Idler:
    """A client that sends many requests and never reads the answers.

    Attributes:
        kind: Its row in the table.
        first: Is sent at once.
    """

    kind: str
    first: bytes

    def ask(self, port: int, stop: Stop) -> Answer | None:
        """Return `CLOSED` if the server has closed the connection, or None if it never did."""
        with connect(port) as connection:
            connection.settimeout(1.0)
            while not stop():
                with suppress(TimeoutError):  # the server's buffers are full, and it reads no further
                    if not _takes(connection, self.first):
                        return Answer()
        return None


def _takes(connection: socket.socket, data: bytes) -> bool:
    """Return whether the connection still accepts data."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def leavers(request: Good) -> list[Leaver]:
    """Return clients that disconnect, at each stage of a request."""
    stages = {"in the head": 0.0, "in the body": 0.5, "before the last byte": 0.9999, "during the work": 1.0}
    return [Leaver(f"leaves {stage}", request, share) for stage, share in stages.items()]


def drippers() -> list[Dripper | Idler]:
    """Return slow clients, one of each kind."""
    body, kind = form(b"", b"")
    start = head("/v1/harmonize", f"Content-Type: {kind}", "Transfer-Encoding: chunked")
    chunk = next(iter(chunked(body[:20], 20)))
    unread = head("/v1/harmonize", "Content-Type: text/plain", "Content-Length: 1000")
    return [
        Dripper("says nothing", b"", b"", (CLOSED,)),
        Dripper("drips a head", b"GET /health HTTP/1.1\r\nHost: x\r\nX: ", b"x", (CLOSED,)),
        Dripper("drips a body", start + chunk, b"1\r\nx\r\n", (408, 429)),
        Dripper("drips an unwanted body", unread, b"x", (415, 429, CLOSED)),
        Idler("reads no answers", head("/openapi.json", method="GET") * 20),
    ]
