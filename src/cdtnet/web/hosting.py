"""Running a web application on this machine: address, process, and the headers of every response."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import uvicorn
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import CdtnetError
from ..system.signals import StopSignal
from .connection import CONNECTIONS, Connection, InPieces

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class _Number(Convertor[int]):
    """A number with few digits; Starlette's own accepts thousands of digits, which Python cannot convert."""

    regex = "[0-9]{1,9}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", _Number())


def file_route(address: str, path: Path) -> Route:
    """Return the route of a file of a page."""

    async def send(request: Request) -> Response:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return Route(address, send)


def page_routes(folder: Path) -> list[Route]:
    """Return the routes of all files of a page; the first is index.html's."""
    return [
        file_route("/", folder / "index.html"),
        *(file_route(f"/{path.name}", path) for path in folder.iterdir()),
    ]


def listen(host: str, port: int) -> socket.socket:
    """Open a socket on an address of this machine; port 0 selects any free port.

    Raises:
        CdtnetError: The address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family)
    except (OSError, OverflowError) as error:
        raise CdtnetError(
            f"Port {port} of {host} cannot be used ({error}); choose another with --port or --host."
        ) from error


def address(host: str, listener: socket.socket) -> str:
    """Return the address to open in a browser."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}/"


def configuration(app: ASGIApp, *, patience: float = 5.0, places: int = 0) -> uvicorn.Config:
    """Return uvicorn's configuration; the arguments are those of `serve`."""

    class Limited(Connection):
        most = CONNECTIONS + places

    return uvicorn.Config(
        InPieces(app),
        http=Limited,
        ws="none",
        lifespan="off",
        log_level="error",  # warnings only concern invalid requests
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=16384,
        timeout_graceful_shutdown=round(patience),
    )


def serve(app: ASGIApp, listener: socket.socket, *, patience: float = 5.0, places: int = 0) -> None:
    """Serve requests until a signal is received, without logging them.

    Args:
        app: The application.
        listener: The socket to listen on.
        patience: Seconds until current requests must end after the signal.
        places: The capacity of the application's queue, for which more connections may be open.
    """
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    with StopSignal():  # uvicorn shuts down gracefully, and then raises the signal again
        uvicorn.Server(configuration(app, patience=patience, places=places)).run(sockets=[listener])


class SecurityHeaders:
    """Middleware that adds security headers, and no-store to responses without a Cache-Control.

    Args:
        app: The application.
        content_policy: The Content-Security-Policy.
    """

    def __init__(self, app: ASGIApp, content_policy: str = CONTENT_POLICY) -> None:
        self._app, self._headers = app, {**_HEADERS, "Content-Security-Policy": content_policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = (
                    self._headers
                    if b"cache-control" in given
                    else {**self._headers, "Cache-Control": "no-store"}
                )
                message["headers"] += [
                    (name.lower().encode(), value.encode()) for name, value in added.items()
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)
