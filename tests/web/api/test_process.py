"""`cdtnet serve` from start to end: queue, signals, keys."""

import signal
import socket
import sys

import pytest

from cdtnet.cli.main import main
from tests.processes import PATIENCE, until
from tests.web.api.process import MASK, PHOTO, serving
from tests.web.client import Client, Unfinished

pytestmark = pytest.mark.slow

KEY = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def small(weights):
    """A server's process and port: one worker, one place in the queue."""
    with serving("--model", weights, "--workers", "1", "--queue", "1", "--timeout", "60") as server:
        yield server


def test_when_all_places_are_taken_others_hear_429(small):
    client = Client(small[1])
    held = [Unfinished(client.port, PHOTO, MASK) for _ in range(2)]
    until(lambda: client.get("/health").json["status"] == "busy")
    answer = client.harmonize(PHOTO, MASK)
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "1"
    assert "2 places" in answer.error
    assert client.metrics()["cdtnet_jobs_waiting",] == 2
    for request in held:
        request.finish()
    assert [request.answer().status for request in held] == [200, 200]
    assert client.harmonize(PHOTO, MASK).status == 200


def test_who_leaves_before_the_end_gives_the_place_back(small):
    client = Client(small[1])
    for request in [Unfinished(client.port, PHOTO, MASK) for _ in range(2)]:
        request.leave()
    until(lambda: client.get("/health").json["waiting"] == 0)
    assert client.harmonize(PHOTO, MASK).status == 200
    until(lambda: client.metrics().get(("cdtnet_requests_total", "/v1/harmonize", "499"), 0) >= 2)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_finish_what_is_in_hand(weights, number):
    with serving("--model", weights) as (process, port):
        held = Unfinished(port, PHOTO, MASK)
        until(lambda: Client(port).get("/health").json["waiting"] == 1)
        process.send_signal(number)
        until(lambda: not reachable(port))
        assert process.poll() is None
        held.finish()
        assert held.answer().status == 200
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are set by Linux only")
def test_when_the_disk_is_full_a_sentence_says_so(weights):
    import resource

    with serving("--model", weights) as (process, port):
        client = Client(port)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))
        refused = client.harmonize(bytes(3_000_000), MASK)
        assert refused.status == 503
        assert "no space" in refused.error
        assert client.harmonize(PHOTO, MASK).status == 200


def reachable(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("place", ["file", "environment"])
def test_with_a_key_only_who_has_it_is_served(weights, tmp_path, place):
    (tmp_path / "key").write_text(KEY + "\n")
    arguments = ["--api-key-file", str(tmp_path / "key")] if place == "file" else []
    environment = {"CDTNET_API_KEY": KEY if place == "environment" else "another"}
    with serving("--model", weights, *arguments, **environment) as (_, port):
        stranger, guest = Client(port), Client(port, KEY)
        assert stranger.get("/health").status == 200
        for key in (None, "wrong", KEY + "x", "\xe9"):
            refused = Client(port, key).harmonize(PHOTO, MASK)
            assert refused.status == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert stranger.get("/metrics").status == stranger.get("/nothing").status == 401
        assert guest.harmonize(PHOTO, MASK).status == 200
        assert guest.metrics()["cdtnet_requests_total", "/v1/harmonize", "401"] == 4


@pytest.mark.parametrize("content", [None, "", "two words", "schlüssel", "\xff"])
def test_a_key_file_that_holds_no_key_is_refused(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "key").write_bytes(content.encode("latin-1"))
    assert main(["serve", "--api-key-file", str(tmp_path / "key")]) == 1
    assert "key" in capsys.readouterr().err


def test_models_of_the_same_name_are_refused(capsys):
    assert main(["serve", "--model", "a/x.safetensors", "--model", "b/x.safetensors"]) == 1
    assert "same name" in capsys.readouterr().err


def test_a_port_that_is_taken_gets_a_sentence(weights, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--model", weights, "--port", port]) == 1
    assert f"Port {port} of 127.0.0.1 cannot be used" in capsys.readouterr().err
