"""Limits of the time and number of connections."""

import json
import socket
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cdtnet.web import body, connection, hosting
from cdtnet.web.body import BodyLimit
from tests.processes import until
from tests.web.client import running

LARGE = bytes(range(256)) * 100_000
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(request):
    return PlainTextResponse("hello")


async def large(request):
    return Response(LARGE)


async def count(request):
    with suppress(ClientDisconnect):
        return PlainTextResponse(str(len(await request.body())))
    return PlainTextResponse("left")


APP = Starlette(
    routes=[
        Route("/", hello, methods=["GET", "POST"]),
        Route("/large", large),
        Route("/count", count, methods=["POST"]),
    ],
    middleware=[Middleware(BodyLimit, 10_000_000)],
)


@pytest.fixture
def impatient(monkeypatch):
    for module in (connection, body):
        monkeypatch.setattr(module, "PATIENCE", 0.4)


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Nothing is logged about clients."""
    yield
    assert caplog.records == []


def connect(port, receive_buffer=None):
    client = socket.socket()
    client.settimeout(60)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", port))
    return client


def received(client):
    """Read until the server closes the connection."""
    data = b""
    with suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            data += part
    return data


def drip(client, data):
    """Send data repeatedly until the server closes the connection; return the response."""
    said = b""
    client.settimeout(0.02)
    with suppress(BrokenPipeError, ConnectionResetError):
        while True:
            client.sendall(data)
            with suppress(TimeoutError):
                part = client.recv(1000)
                said += part
                if not part:
                    break
    return said


@pytest.mark.parametrize(
    ("first", "drops", "answers"),
    [
        (b"", b"", 0),
        (b"GET / HTTP/1.1\r\nX: ", b"x", 0),
        (GET + b"GET / HTTP/1.1\r\nX: ", b"x", 1),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", b"x", 1),
    ],
    ids=["silence", "a head", "a second head", "a body that nobody wants"],
)
@pytest.mark.usefixtures("impatient")
def test_who_drips_is_hung_up_on(first, drops, answers, monkeypatch):
    monkeypatch.setattr(body, "_LINGER", 0.1)
    with running(APP) as (port, state), connect(port) as client:
        client.sendall(first)
        assert drip(client, drops).count(b"200 OK") == answers
        until(lambda: not state.connections)


@pytest.mark.usefixtures("impatient")
def test_a_body_that_drips_is_refused(monkeypatch):
    monkeypatch.setattr(body, "_LINGER", 0.1)
    with running(APP) as (port, _), connect(port) as client:
        client.sendall(b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        assert drip(client, b"x").startswith(b"HTTP/1.1 408")


@pytest.mark.usefixtures("impatient")
def test_who_asks_to_be_asked_for_a_body_and_sends_none_is_refused():
    with running(APP) as (port, _), connect(port) as client:
        client.sendall(
            b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        said = received(client)
        assert said.startswith(b"HTTP/1.1 100")
        assert b"HTTP/1.1 408" in said


@pytest.mark.usefixtures("impatient")
def test_who_does_not_take_an_answer_is_hung_up_on():
    with running(APP) as (port, state), connect(port, receive_buffer=4096) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: state.connections)
        until(lambda: not state.connections)
        assert len(received(client)) < len(LARGE)


def test_a_large_answer_arrives_whole():
    with running(APP) as (port, _), connect(port) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert received(client).partition(b"\r\n\r\n")[2] == LARGE


def test_the_one_silent_for_longest_makes_way(monkeypatch):
    monkeypatch.setattr(hosting, "CONNECTIONS", 2)
    with running(APP, places=1) as (port, state):
        clients = []
        for number in range(5):
            clients.append(connect(port))
            until(lambda number=number: len(state.connections) == min(number + 1, 3))
        assert received(clients[0]) == received(clients[1]) == b""
        for client in clients[2:]:
            client.sendall(GET)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "data", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"x" * 70000]
)
def test_what_is_no_http_is_told_so(data):
    with running(APP) as (port, _), connect(port) as client:
        client.sendall(data)
        head, _, said = received(client).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert "not valid HTTP" in json.loads(said)["error"]


@pytest.mark.parametrize("path", [b"/", b"/count"])
def test_a_damaged_body_ends_the_request(path):
    with running(APP) as (port, state), connect(port) as client:
        client.sendall(
            b"POST "
            + path
            + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"
        )
        assert received(client).startswith(b"HTTP/1.1 400")
        until(lambda: not state.connections and not state.tasks)
