"""The server around work that tests control: concurrency and errors."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from cdtnet.imaging import Picture, encode_picture
from cdtnet.inference.result import Result
from cdtnet.web.api.server import make_app
from cdtnet.web.limits import Limits
from cdtnet.web.queue import WorkQueue
from tests.processes import PATIENCE, until
from tests.web.client import Client, Unfinished, form, running

PICTURE = encode_picture(Picture(np.full((8, 8, 3), 99, np.uint8)), ".png")
MASK = encode_picture(Picture(np.eye(8, dtype=np.uint8)[..., None] * 255), ".png")


class Slow:
    """A mock of Harmonizer: reports progress until it is released or cancelled."""

    def __init__(self):
        self.begun, self.go = threading.Event(), threading.Event()
        self.stopped = threading.Event()

    def __call__(self, composite, mask, *, progress, **_options):
        self.begun.set()
        try:
            while not self.go.is_set():
                progress(1, 2)
                time.sleep(0.001)
        except Exception:
            self.stopped.set()
            raise
        return Result(composite, None, composite)


@contextmanager
def serving(harmonizer, *, waiting=1, timeout=PATIENCE):
    """Yield a client of a server in this process, with one worker."""
    queue = WorkQueue(workers=1, waiting=waiting)
    app = make_app({"any": harmonizer}, queue, Limits(timeout=timeout))
    with running(app) as (port, _):
        yield Client(port)
    queue.close()


def test_health_tells_what_is_in_hand():
    work = Slow()
    with serving(work) as client, ThreadPoolExecutor() as threads:
        assert client.get("/health").json == {"status": "ready", "running": 0, "waiting": 0}
        first = threads.submit(client.harmonize, PICTURE, MASK)
        assert work.begun.wait(PATIENCE)
        second = threads.submit(client.harmonize, PICTURE, MASK)
        until(lambda: client.get("/health").json == {"status": "busy", "running": 1, "waiting": 1})
        assert client.harmonize(PICTURE, MASK).status == 429
        work.go.set()
        assert first.result().status == second.result().status == 200


def test_work_that_takes_too_long_is_stopped():
    work = Slow()
    with serving(work, timeout=0.5) as client:
        answer = client.harmonize(PICTURE, MASK)
        assert answer.status == 504
        assert "0.5 s" in answer.error
        assert work.stopped.wait(PATIENCE)
        until(lambda: client.get("/health").json == {"status": "ready", "running": 0, "waiting": 0})


def test_a_request_that_never_ends_hears_503():
    with serving(Slow(), timeout=0.5) as client:
        answer = Unfinished(client.port, PICTURE, MASK).answer()
        client.check("POST", "/v1/harmonize", answer)
        assert answer.status == 503
        assert answer.headers["Retry-After"]


def test_work_is_stopped_when_nobody_waits_for_it():
    work = Slow()
    with serving(work) as client:
        request = Unfinished(client.port, PICTURE, MASK)
        request.finish()
        assert work.begun.wait(PATIENCE)
        request.leave()
        assert work.stopped.wait(PATIENCE)
        until(lambda: client.metrics().get(("cdtnet_requests_total", "/v1/harmonize", "499")) == 1)
        assert client.metrics()["cdtnet_pixels_total",] == 0


def test_work_that_waits_is_dropped_when_nobody_waits_for_it():
    work = Slow()
    with serving(work) as client, ThreadPoolExecutor() as threads:
        first = threads.submit(client.harmonize, PICTURE, MASK)
        assert work.begun.wait(PATIENCE)
        second = Unfinished(client.port, PICTURE, MASK)
        second.finish()
        until(lambda: client.get("/health").json["waiting"] == 1)
        second.leave()
        until(lambda: client.get("/health").json["waiting"] == 0)
        work.go.set()
        assert first.result().status == 200


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (
            RuntimeError("/home/someone/secret"),
            500,
            "The server failed on this picture; its log has details.",
        ),
        (MemoryError(), 503, "There is not enough memory for this picture."),
    ],
)
def test_what_goes_wrong_is_told_without_details(error, status, sentence, capsys):
    def fail(*_, **__):
        raise error

    with serving(fail) as client:
        answer = client.harmonize(PICTURE, MASK)
        assert (answer.status, answer.error) == (status, sentence)
        assert client.get("/health").json["status"] == "ready"
    assert ("someone/secret" in capsys.readouterr().err) == (status == 500)


def test_answers_that_nobody_takes_are_bounded():
    """Responses are held in memory, so their number is limited."""
    noise = np.random.default_rng(0).integers(0, 256, (1800, 1800, 3), dtype=np.uint8)
    large = encode_picture(Picture(noise), ".png")  # more than the system keeps for a connection
    body, kind = form({"composite": large, "mask": MASK}, {"resize_mask": "true"})
    head = f"POST /v1/harmonize HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    answered = ("cdtnet_requests_total", "/v1/harmonize", "200")
    work = Slow()
    work.go.set()
    with serving(work, waiting=1) as client:
        slow = [socket.socket() for _ in range(2)]
        for number, connection in enumerate(slow, 1):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", client.port))
            connection.sendall(request)
            until(lambda number=number: client.metrics().get(answered) == number)
        assert client.get("/health").json == {"status": "busy", "running": 0, "waiting": 0}
        refused = client.harmonize(PICTURE, MASK)
        assert refused.status == 429
        assert "still being sent" in refused.error
        for connection in slow:
            connection.close()
        until(lambda: client.get("/health").json["status"] == "ready")
        assert client.harmonize(PICTURE, MASK).status == 200


def test_the_connection_lives_on_after_a_refusal():
    """The rest of the body is read, so that the client can read the response and send another request."""
    with serving(Slow(), waiting=1) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=PATIENCE)
        for _ in range(3):
            connection.request("POST", "/v1/harmonize", bytes(5_000_000), {"Content-Type": "text/plain"})
            response = connection.getresponse()
            assert response.status == 415
            response.read()
        connection.close()
