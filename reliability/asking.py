"""Requests as the bytes that are sent, and what comes back."""

import http.client
import io
import json
import re
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

BOUNDARY = "a1b2c3d4e5"
CLOSED = 0  # in place of a status: the server hung up
TIMEOUT = 120.0  # seconds without a byte, after which a server counts as hanging
_PATHS = re.compile(r"(/(root|home|tmp|usr|etc|var|opt|proc)/|[A-Z]:\\|site-packages|Traceback|\.py\b)")


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: `CLOSED` if nothing did.
        kind: Content-Type.
        body: All of it.
    """

    status: int = CLOSED
    kind: str = ""
    body: bytes = b""

    @property
    def is_sentence(self) -> bool:
        """Whether it is an error as promised: JSON with one sentence, which tells nothing of the machine."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return False
        sentence = value.get("error", "") if isinstance(value, dict) and len(value) == 1 else ""
        return bool(sentence) and not _PATHS.search(sentence)


def connect(port: int) -> socket.socket:
    """A connection to a server on this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)


def ask(port: int, parts: Iterable[bytes], *, method: str = "POST", pause: float = 0.0) -> Answer:
    """Send parts of a request, with a pause in between, and wait for the answer."""
    with connect(port) as connection:
        send(connection, parts, pause)
        return receive(connection, method)


def send(connection: socket.socket, parts: Iterable[bytes], pause: float = 0.0) -> None:
    """Send parts; a server that has heard enough may hang up, its answer is read all the same."""
    try:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
    except (BrokenPipeError, ConnectionResetError):
        pass


def receive(connection: "socket.socket | _Replay", method: str = "POST") -> Answer:
    """Read one answer."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
    except (http.client.HTTPException, ConnectionResetError, BrokenPipeError):
        return Answer()
    finally:
        response.close()


def receive_all(connection: socket.socket, count: int) -> list[Answer]:
    """Read so many answers to requests that were sent one behind the other, the last one with `close`."""
    data = bytearray()
    with suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            data += part
    replay = _Replay(data)
    return [receive(replay) for _ in range(count)]


class _Replay(io.BytesIO):
    """What was received, as a connection from which one answer is read after the other."""

    def makefile(self, *_: object) -> "_Replay":
        return self

    def close(self) -> None:
        """Stay open for the next answer."""


def post(path: str, body: bytes, kind: str, *headers: str) -> bytes:
    """A whole request."""
    return head(path, f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers) + body


def head(path: str, *headers: str, method: str = "POST") -> bytes:
    """A request without its body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def form(composite: bytes | None, mask: bytes | None, **settings: object) -> tuple[bytes, str]:
    """A multipart body and its type."""
    files = {"composite": composite, "mask": mask}
    parts = [
        part(f'name="{name}"; filename="{name}"', data) for name, data in files.items() if data is not None
    ]
    parts += [part(f'name="{name}"', str(value).encode()) for name, value in settings.items()]
    return multipart(*parts)


def part(disposition: str, content: bytes) -> bytes:
    """One part of a form."""
    return f"Content-Disposition: form-data; {disposition}\r\n\r\n".encode() + content


def multipart(*parts: bytes) -> tuple[bytes, str]:
    """A body of parts, and its type."""
    body = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts)
    return body + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def chunked(body: bytes, size: int) -> Iterable[bytes]:
    """A body in chunks."""
    for start in range(0, len(body), size):
        chunk = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"
