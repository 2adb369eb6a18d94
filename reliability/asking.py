"""Send requests as raw bytes, and read the answers."""

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
CLOSED = 0  # instead of a status: the server closed the connection
TIMEOUT = 120.0  # seconds without a byte, after which a server counts as hanging
_PATHS = re.compile(r"(/(root|home|tmp|usr|etc|var|opt|proc)/|[A-Z]:\\|site-packages|Traceback|\.py\b)")


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        status: The status code; `CLOSED` if the server closed the connection without an answer.
        kind: Content-Type.
        body: The whole body.
    """

    status: int = CLOSED
    kind: str = ""
    body: bytes = b""

    @property
    def is_sentence(self) -> bool:
        """Return whether it is a documented error: JSON with one sentence, without details of the machine."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return False
        sentence = value.get("error", "") if isinstance(value, dict) and len(value) == 1 else ""
        return bool(sentence) and not _PATHS.search(sentence)


def connect(port: int) -> socket.socket:
    """Connect to a server on this machine."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)


def ask(port: int, parts: Iterable[bytes], *, method: str = "POST", pause: float = 0.0) -> Answer:
    """Send parts of a request, with a pause in between, and return the answer."""
    with connect(port) as connection:
        send(connection, parts, pause)
        return receive(connection, method)


def send(connection: socket.socket, parts: Iterable[bytes], pause: float = 0.0) -> None:
    """Send parts; if the server closes its side early, its answer is still read."""
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
    """Read this many answers to pipelined requests, the last of which asks for `close`."""
    data = bytearray()
    with suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            data += part
    replay = _Replay(data)
    return [receive(replay) for _ in range(count)]


class _Replay(io.BytesIO):
    """Received bytes as a connection from which one answer after the other is read."""

    def makefile(self, *_: object) -> "_Replay":
        return self

    def close(self) -> None:
        """Keep the data open for the next answer."""


def post(path: str, body: bytes, kind: str, *headers: str) -> bytes:
    """Return a whole request."""
    return head(path, f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers) + body


def head(path: str, *headers: str, method: str = "POST") -> bytes:
    """Return a request without its body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def form(composite: bytes | None, mask: bytes | None, **settings: object) -> tuple[bytes, str]:
    """Return a multipart body and its content type."""
    files = {"composite": composite, "mask": mask}
    parts = [
        part(f'name="{name}"; filename="{name}"', data) for name, data in files.items() if data is not None
    ]
    parts += [part(f'name="{name}"', str(value).encode()) for name, value in settings.items()]
    return multipart(*parts)


def part(disposition: str, content: bytes) -> bytes:
    """Return one part of a form."""
    return f"Content-Disposition: form-data; {disposition}\r\n\r\n".encode() + content


def multipart(*parts: bytes) -> tuple[bytes, str]:
    """Return a body of parts and its content type."""
    body = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts)
    return body + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def chunked(body: bytes, size: int) -> Iterable[bytes]:
    """Return a body in chunked transfer encoding."""
    for start in range(0, len(body), size):
        chunk = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"
