"""Refused requests of `cdtnet serve`."""

import socket
import struct
import zlib

import pytest

from tests.web.api.process import MASK, PHOTO, PICTURES
from tests.web.client import form

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"strength": "1.5"}, "from 0 to 1"),
        ({"strength": "nan"}, "from 0 to 1"),
        ({"strength": "NaN"}, "from 0 to 1"),
        ({"strength": "true"}, "from 0 to 1"),
        ({"strength": "[" * 900}, "from 0 to 1"),
        ({"tone": "2.1"}, "from 0 to 2"),
        ({"warmth": "-100.5"}, "from -100 to 100"),
        ({"keep_hue": "1"}, "true or false"),
        ({"quality": "0"}, "whole number from 1 to 100"),
        ({"quality": "1.5"}, "whole number from 1 to 100"),
        ({"resize_mask": "yes"}, "true or false"),
        ({"apply_anyway": "1"}, "true or false"),
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
        ("/alpha", "image/jpeg", 415, "Send image/png or image/tiff or image/webp or image/avif"),
        ("/alpha", "image/png", 422, "no alpha channel"),
    ],
)
def test_bodies_of_another_kind_are_refused(client, path, kind, status, sentence):
    answer = client.request("POST", f"/v1/harmonize{path}", PHOTO, Content_Type=kind)
    assert answer.status == status
    assert sentence in answer.error


def png_of(width, height):
    """Make a PNG file that announces a number of pixels, and has none."""

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
        (b"GIF89a", MASK, "composite: The given data is damaged, incomplete or of a kind of GIF"),
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
    """curl and other clients wait for 100 Continue before they send large bodies."""
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
