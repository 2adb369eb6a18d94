"""The server around work that ends when a test wants it to: what happens meanwhile, and what goes wrong."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import uvicorn

from cdtnet.imaging import Picture, encode_picture
from cdtnet.result import Result
from cdtnet.web.limits import Limits
from cdtnet.web.queue import WorkQueue
from cdtnet.web.server import make_app
from tests.web.client import Client, Unfinished, until

PICTURE = encode_picture(Picture(np.full((8, 8, 3), 99, np.uint8)), ".png")
MASK = encode_picture(Picture(np.eye(8, dtype=np.uint8)[..., None] * 255), ".png")


class Slow:
    """In a Harmonizer's place: reports progress until it is let go, or told to stop."""

    def __init__(self):
        self.begun, self.go = threading.Event(), threading.Event()
        self.stopped = threading.Event()

    def __call__(self, composite, mask, *, strength, progress):
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
def serving(harmonizer, *, waiting=1, timeout=60.0):
    """A client of a server in this process, with one worker."""
    queue = WorkQueue(workers=1, waiting=waiting)
    app = make_app({"any": harmonizer}, queue, Limits(timeout=timeout))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield Client(listener.getsockname()[1])
        server.should_exit = True
        thread.join()
    queue.close()


def test_health_tells_what_is_in_hand():
    work = Slow()
    with serving(work) as client, ThreadPoolExecutor() as threads:
        assert client.get("/health").json == {"status": "ready", "running": 0, "waiting": 0}
        first = threads.submit(client.harmonize, PICTURE, MASK)
        assert work.begun.wait(20)
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
        assert work.stopped.wait(20)
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
        assert work.begun.wait(20)
        request.leave()
        assert work.stopped.wait(20)
        until(lambda: client.metrics().get(("cdtnet_requests_total", "/v1/harmonize", "499")) == 1)
        assert client.metrics()["cdtnet_pixels_total",] == 0


def test_work_that_waits_is_dropped_when_nobody_waits_for_it():
    work = Slow()
    with serving(work) as client, ThreadPoolExecutor() as threads:
        first = threads.submit(client.harmonize, PICTURE, MASK)
        assert work.begun.wait(20)
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
        (RuntimeError("/home/someone/secret"), 500, "The server failed at this picture; its log says why."),
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


def test_the_connection_lives_on_after_a_refusal():
    """The rest of the body is read, so that the client can hear the answer and ask again."""
    with serving(Slow(), waiting=1) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
        for _ in range(3):
            connection.request("POST", "/v1/harmonize", bytes(5_000_000), {"Content-Type": "text/plain"})
            response = connection.getresponse()
            assert response.status == 415
            response.read()
        connection.close()
