"""`cdtnet serve` as a process of its own."""

import io
import os
import signal
import socket
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from cdtnet.cli.main import main
from cdtnet.harmonizer import Harmonizer
from tests.web.client import Client, Unfinished, form, until

HEIGHT, WIDTH = 40, 60
KEY = "correct-horse-battery-staple"


@contextmanager
def serving(*arguments, **environment):
    """The process and the port of a server."""
    command = [sys.executable, "-m", "cdtnet.cli.main", "serve", "--port", "0", "--device", "cpu", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "CDTNET_API_KEY"} | environment,
    )
    try:
        address = process.stdout.readline()
        assert address.startswith("http://127.0.0.1:"), process.communicate()
        yield process, int(address.rstrip("/\n").rpartition(":")[2])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def client(weights):
    """Of a server for all tests that don't mind who else asks it."""
    small = ["--max-bytes", "300000", "--max-pixels", "20000"]
    with serving("--model", weights, "--model", "is2am", "--workers", "2", "--queue", "2", *small) as (
        _,
        port,
    ):
        yield Client(port)


@pytest.fixture(scope="module")
def small(weights):
    """A server's process and port: one worker, one place to wait."""
    with serving("--model", weights, "--workers", "1", "--queue", "1", "--timeout", "60") as server:
        yield server


def encoded(pixels, kind, **options):
    file = io.BytesIO()
    if kind == "TIFF":
        tifffile.imwrite(file, pixels, photometric="rgb")
    else:
        Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def noise(depth=np.uint8, channels=3):
    return np.random.default_rng(7).integers(0, np.iinfo(depth).max, (HEIGHT, WIDTH, channels), dtype=depth)


def plane():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:30, 15:45] = 255
    mask[10:14] //= 2
    return mask


MASK = encoded(plane(), "PNG")
PHOTO = encoded(noise(), "PNG")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = Image.Exif()
EXIF[0x010E] = "A harbour"
PICTURES = {
    "jpg": encoded(noise(), "JPEG", icc_profile=PROFILE, exif=EXIF, quality=90),
    "png": encoded(noise(channels=4), "PNG", icc_profile=PROFILE, exif=EXIF),
    "tif": encoded(noise(np.uint16), "TIFF"),
    "webp": encoded(noise(), "WEBP", lossless=True),
}


@pytest.fixture
def pair(tmp_path):
    """A folder with mask.png and a photo in each format."""
    (tmp_path / "mask.png").write_bytes(MASK)
    for suffix, content in PICTURES.items():
        (tmp_path / f"photo.{suffix}").write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("suffix", PICTURES)
def test_the_answer_is_the_file_that_the_command_line_writes(client, weights, pair, suffix):
    paths = [str(pair / name) for name in (f"photo.{suffix}", "mask.png", f"out.{suffix}")]
    settings = ["--model", weights, "--strength", "0.8", "--quality", "80"]
    assert main(["harmonize", *paths[:2], "-o", paths[2], "--device", "cpu", *settings]) == 0
    answer = client.harmonize(PICTURES[suffix], MASK, strength=0.8, quality=80)
    assert answer.status == 200
    assert answer.body == (pair / f"out.{suffix}").read_bytes()
    kind = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
    assert answer.headers["Content-Type"] == f"image/{kind}"
    assert answer.headers["Server-Timing"].count("dur=") == 3
    assert "Cdtnet-Remark" not in answer.headers


def test_another_format(client):
    answer = client.harmonize(PHOTO, MASK, format="webp")
    assert answer.headers["Content-Type"] == "image/webp"
    image = Image.open(io.BytesIO(answer.body))
    same = Image.open(io.BytesIO(client.harmonize(PHOTO, MASK).body))
    assert np.array_equal(np.asarray(image), np.asarray(same))


def test_one_picture_whose_alpha_is_the_mask(client):
    both = encoded(np.dstack([noise(), plane()]), "PNG")
    answer = client.request("POST", "/v1/harmonize/alpha?strength=0.9", both, Content_Type="image/png")
    assert answer.status == 200
    assert answer.body == client.harmonize(PHOTO, MASK, strength=0.9).body


def test_the_table_is_the_one_that_the_command_line_writes(client, pair, weights):
    settings = ["--model", weights, "--strength", "0.5", "--device", "cpu"]
    paths = [str(pair / name) for name in ("photo.tif", "mask.png", "look.cube")]
    assert main(["lut", *paths[:2], "-o", paths[2], *settings]) == 0
    answer = client.harmonize(PICTURES["tif"], MASK, accept="application/json", strength=0.5)
    assert answer.json["cube"] == (pair / "look.cube").read_text()
    assert answer.json["remark"] is None
    assert set(answer.json["seconds"]) == {"decode", "harmonize"}


def test_another_model(client):
    answer = client.harmonize(PHOTO, MASK, model="is2am", accept="application/json")
    assert answer.json["cube"] is None
    expected = Harmonizer("is2am", "cpu")(noise(), plane()).image
    answer = client.harmonize(PHOTO, MASK, model="is2am")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), expected)


def test_what_is_odd_about_a_mask_is_said(client):
    black = encoded(np.zeros((HEIGHT, WIDTH), np.uint8), "PNG")
    answer = client.harmonize(PHOTO, black)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), noise())
    assert "black everywhere" in answer.headers["Cdtnet-Remark"]
    assert "black everywhere" in client.harmonize(PHOTO, black, accept="application/json").json["remark"]


def test_a_mask_of_another_size_only_when_asked_for(client):
    large = encoded(plane().repeat(2, 0).repeat(2, 1), "PNG")
    refused = client.harmonize(PHOTO, large)
    assert refused.status == 422
    assert "120×80" in refused.error
    assert client.harmonize(PHOTO, large, resize_mask="true").status == 200


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"strength": "1.5"}, "from 0 to 1"),
        ({"strength": "nan"}, "from 0 to 1"),
        ({"strength": "NaN"}, "from 0 to 1"),
        ({"strength": "true"}, "from 0 to 1"),
        ({"strength": "[" * 900}, "from 0 to 1"),
        ({"quality": "0"}, "whole number from 1 to 100"),
        ({"quality": "1.5"}, "whole number from 1 to 100"),
        ({"resize_mask": "yes"}, "true or false"),
        ({"format": "gif"}, "one of jpeg, png, tiff, webp"),
        ({"model": "/etc/passwd"}, "one of formula, is2am"),
        ({"Strength": "1"}, "no setting 'Strength'"),
        ({"mask_url": "http://localhost/"}, "no setting 'mask_url'"),
    ],
)
def test_settings_that_cannot_be_are_refused(client, settings, sentence):
    answer = client.harmonize(PHOTO, MASK, **settings)
    assert answer.status == 400
    assert sentence in answer.error


@pytest.mark.parametrize("query", ["?strength=1&strength=1", "?strength=2", "?mask=alpha"])
def test_settings_in_the_address_are_checked_too(client, query):
    answer = client.request("POST", f"/v1/harmonize/alpha{query}", PHOTO, Content_Type="image/png")
    assert answer.status == 400
    assert answer.error


def test_settings_in_the_wrong_place_are_not_passed_over(client):
    body, kind = form({"composite": PHOTO, "mask": MASK}, {})
    answer = client.request("POST", "/v1/harmonize?strength=0.5", body, Content_Type=kind)
    assert answer.status == 400
    assert "fields of the form" in answer.error


@pytest.mark.parametrize(
    ("files", "status"),
    [({"composite": PHOTO}, 400), ({"composite": PHOTO, "picture": MASK}, 400), ({}, 400)],
)
def test_both_files_are_needed(client, files, status):
    body, kind = form(files, {})
    answer = client.request("POST", "/v1/harmonize", body, Content_Type=kind)
    assert answer.status == status
    assert answer.error


@pytest.mark.parametrize(
    ("path", "kind", "status", "sentence"),
    [
        ("", "image/png", 415, "Send multipart/form-data."),
        ("", "application/x-www-form-urlencoded", 415, "Send multipart/form-data."),
        ("", "multipart/form-data", 400, "boundary"),
        ("", "multipart/form-data; boundary=x", 400, "multipart"),
        ("/alpha", "image/jpeg", 415, "Send image/png or image/tiff or image/webp."),
        ("/alpha", "image/png", 422, "no alpha channel"),
    ],
)
def test_bodies_of_another_kind_are_refused(client, path, kind, status, sentence):
    answer = client.request("POST", f"/v1/harmonize{path}", PHOTO, Content_Type=kind)
    assert answer.status == status
    assert sentence in answer.error


def png_of(width, height):
    """A PNG file that announces so many pixels, and has none."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("composite", "mask", "sentence"),
    [
        (b"", MASK, "composite: The given data is empty"),
        (b"GIF89a", MASK, "composite: The given data is not a JPEG"),
        (PHOTO[:500], MASK, "composite: The given data is damaged"),
        (PHOTO, MASK[:60], "mask: The given data is damaged"),
        (png_of(60000, 60000), MASK, "composite: The given data has 60000×60000 pixels"),
        (PHOTO, png_of(60000, 60000), "mask: The given data has 60000×60000 pixels"),
    ],
)
def test_pictures_that_cannot_be_used_are_refused(client, composite, mask, sentence):
    answer = client.harmonize(composite, mask)
    assert answer.status == 422
    assert answer.error.startswith(sentence)


def test_a_format_that_cannot_hold_the_picture_is_refused(client):
    answer = client.harmonize(PICTURES["tif"], MASK, format="jpeg")
    assert answer.status == 422
    assert "depth" in answer.error


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long_is_refused(client, announced):
    body, kind = form({"composite": bytes(500_000), "mask": MASK}, {})
    chunks = body if announced else (body[i : i + 8192] for i in range(0, len(body), 8192))
    answer = client.request("POST", "/v1/harmonize", chunks, Content_Type=kind)
    assert answer.status == 413
    assert "300,000 bytes" in answer.error


def test_a_body_that_says_it_is_too_long_need_not_be_sent(client):
    """What curl and others do with large bodies: they wait to hear that they are wanted."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=60) as connection:
        connection.sendall(
            b"POST /v1/harmonize/alpha HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: 999999999\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_other_addresses_and_methods(client):
    assert client.get("/").status == 404
    assert client.get("/docs/../etc/passwd").status == 404
    answer = client.get("/v1/harmonize")
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


def test_pages_of_other_sites_are_not_invited(client):
    answer = client.get("/health", Origin="https://example.org")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_was_done_is_counted(client):
    before = client.metrics()
    client.harmonize(PHOTO, MASK)
    client.harmonize(b"", MASK)
    client.get("/some/where")
    client.get("/else/where")
    after = client.metrics()

    def grown(*sample):
        return after[sample] - before.get(sample, 0)

    assert grown("cdtnet_requests_total", "/v1/harmonize", "200") == 1
    assert grown("cdtnet_requests_total", "/v1/harmonize", "422") == 1
    assert grown("cdtnet_requests_total", "404", "other") == 2
    assert grown("cdtnet_pixels_total") == HEIGHT * WIDTH
    assert grown("cdtnet_step_seconds_total", "harmonize") > 0
    assert after["cdtnet_jobs_running",] == after["cdtnet_jobs_waiting",] == 0


def test_many_at_once_get_the_right_answers(client):
    """More than have places, so that some hear 429 and come again."""
    strengths = [round(0.1 * k, 1) for k in range(1, 11)]
    expected = {strength: client.harmonize(PHOTO, MASK, strength=strength).body for strength in strengths}
    assert len(set(expected.values())) == len(strengths)

    def ask(strength):
        while (answer := client.harmonize(PHOTO, MASK, strength=strength)).status == 429:
            assert int(answer.headers["Retry-After"]) > 0
        return answer.status, answer.body

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, strengths * 3))
    assert answers == [(200, expected[strength]) for strength in strengths * 3]
    assert client.get("/health").json == {"status": "ready", "running": 0, "waiting": 0}


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
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


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
