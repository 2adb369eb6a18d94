"""Invalid requests, and the statuses that the server may respond with."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from asking import BOUNDARY, CLOSED, Answer, ask, chunked, form, head, multipart, part, post
from good_requests import jpeg, photo, png

MAX_BYTES, MAX_PIXELS = 1_500_000, 2_000_000  # the limits of the server
PATH = "/v1/harmonize"
_SETTINGS = {
    "an absurd strength": (
        "strength",
        ("1.5", "-1", "nan", "Infinity", "1e999", "true", "", "[" * 900, "1" * 900),
    ),
    "an unknown model": ("model", ("gpt", "CDTNET-256", "cdtnet-256\0", "💥", " ")),
    "a model like a path": (
        "model",
        (
            "/etc/passwd",
            "../../x.safetensors",
            "C:\\x",
            "file:///etc/passwd",
            "http://localhost/x",
            "cdtnet-256/.",
        ),
    ),
    "a setting of another type": ("quality", ("0", "101", "9.5", "[]", "{}", "null", '"9"')),
    "an unknown setting": ("mask_url", ("http://169.254.169.254/", "file:///etc/passwd")),
}


@dataclass(frozen=True)
class Bad:
    """An invalid request.

    Attributes:
        kind: Its row in the table.
        statuses: The correct statuses.
        parts: The bytes to send.
        method: The method; the answer to HEAD has no body.
    """

    kind: str
    statuses: tuple[int, ...]
    parts: list[bytes] = field(repr=False)
    method: str = "POST"

    def ask(self, port: int) -> Answer:
        """Send the request and return the answer."""
        return ask(port, self.parts, method=self.method)

    def is_right(self, answer: Answer) -> bool:
        """Return whether it is refused with a correct status and one sentence."""
        has_body = answer.status != CLOSED and self.method != "HEAD"
        return answer.status in self.statuses and (answer.is_sentence or not has_body)


def bad_requests() -> Iterator[Bad]:
    """Return all invalid requests; several may have the same kind."""
    pixels, plane = photo(96)
    picture, mask = jpeg(pixels), png(plane)
    for kind, (name, values) in _SETTINGS.items():
        for value in values:
            yield Bad(kind, (400,), [post(PATH, *form(picture, mask, **{name: value}))])
    yield from _pictures(picture, mask)
    yield from _bodies(picture, mask)
    yield from _forms(picture, mask)
    yield from _addresses()
    yield from _no_http(picture, mask)


def _pictures(picture: bytes, mask: bytes) -> Iterator[Bad]:
    noise = np.random.default_rng(0).bytes(5000)
    for data in (
        b"",
        noise,
        b"GIF89a" + noise,
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        mask[8:],
    ):
        yield Bad("not a picture", (422,), [post(PATH, *form(data, mask))])
        yield Bad("not a picture", (422,), [post(PATH, *form(picture, data))])
    for data in (picture[:200], picture[: len(picture) // 2]):
        yield Bad("a truncated picture", (422,), [post(PATH, *form(data, mask))])
    yield Bad("a truncated picture", (422,), [post(PATH, *form(picture, mask[: len(mask) // 2]))])
    for width, height in ((60000, 60000), (1, 2**31 - 1), (2001, 1000)):
        bomb = announcing(width, height)
        yield Bad("too many pixels", (422,), [post(PATH, *form(bomb, mask))])
        yield Bad("too many pixels", (422,), [post(PATH, *form(picture, bomb, resize_mask="true"))])
    yield Bad("a mask of another size", (422,), [post(PATH, *form(picture, png(photo(95)[1])))])
    yield Bad("no alpha channel", (422,), [post(f"{PATH}/alpha", mask, "image/png")])


def _bodies(picture: bytes, mask: bytes) -> Iterator[Bad]:
    body, kind = form(picture, mask)
    for other in (
        "text/plain",
        "application/json",
        "image/png",
        "application/x-www-form-urlencoded",
        "",
        "\x80",
    ):
        yield Bad("a body of another type", (415,), [post(PATH, body, other)])
    yield Bad("a body of another type", (415,), [post(f"{PATH}/alpha", body, "image/jpeg")])
    yield Bad("a body of another type", (415,), [head(PATH, "Content-Length: 0")])
    too_long = bytes(MAX_BYTES + 1)
    yield Bad(
        "too many bytes, announced",
        (413,),
        [head(PATH, f"Content-Type: {kind}", f"Content-Length: {10**15}")],
    )
    yield Bad("too many bytes, announced", (413,), [post(PATH, too_long, kind)])
    start = head(PATH, f"Content-Type: {kind}", "Transfer-Encoding: chunked")
    parts = [start, *chunked(form(too_long, mask)[0], 65536)]
    yield Bad("too many bytes, in chunks", (413,), parts)
    raw = head(f"{PATH}/alpha", "Content-Type: image/png", "Transfer-Encoding: chunked")
    yield Bad("too many bytes, in chunks", (413,), [raw, *chunked(too_long, 65536)])


def _forms(picture: bytes, mask: bytes) -> Iterator[Bad]:
    name = 'name="composite"; filename="../../../etc/passwd"'
    forms = {
        "a missing part": (
            form(None, mask),
            form(picture, None),
            form(None, None),
            multipart(),
            (b"", form(None, None)[1]),
        ),
        "a form with too much": (
            multipart(*[part('name="strength"', b"1")] * 50),
            multipart(*[part(name, picture)] * 3),
            multipart(part(name, picture), part('name="mask"; filename=""', mask), part("name", b"")),
            multipart(part('name="strength"', b"1" * 5000), part(name, picture)),
            multipart(part('name="' + "x" * 5000 + '"', b"1"), part(name, picture)),
            multipart(
                part(name, picture), part('name="composite"', b"x"), part('name="mask"; filename="m"', mask)
            ),
        ),
        "a damaged form": (
            (b"--" + BOUNDARY.encode(), form(None, None)[1]),
            (b"\x00" * 500, form(None, None)[1]),
            (form(picture, mask)[0][:-40], form(None, None)[1]),
            (form(picture, mask)[0], "multipart/form-data"),
            (form(picture, mask)[0], "multipart/form-data; boundary=" + "x" * 300),
            (form(picture, mask)[0], "multipart/form-data; boundary=ü"),
            multipart(b"Content-Disposition: form-data\r\n\r\nx"),
            multipart(b"no head at all"),
            multipart(b"Content-Disposition: form-data; name*=utf-8''%ff\r\n\r\nx"),
            multipart(b"Content-Transfer-Encoding: base64\r\n\r\nx"),
        ),
    }
    for kind, bodies in forms.items():
        for body, media_type in bodies:
            yield Bad(kind, (400,), [post(PATH, body, media_type)])
    yield Bad("settings in the address", (400,), [post(f"{PATH}?strength=1", *form(picture, mask))])


def _addresses() -> Iterator[Bad]:
    climbing = (
        "/etc/passwd",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/.git/config",
        "/%00",
        "/%ff%fe",
    )
    for path in (*climbing, "/", "/v1//harmonize", "/v1/harmonize/", "//localhost/health", "/" + "x" * 9000):
        yield Bad("another address", (404,), [head(path, method="GET")])
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "HEAD"):
        yield Bad("another method", (405,), [head(PATH, method=method)], method)


def _no_http(picture: bytes, mask: bytes) -> Iterator[Bad]:
    whole = post(PATH, *form(picture, mask))
    start = head(PATH, f"Content-Type: {form(None, None)[1]}", "Transfer-Encoding: chunked")
    for data in (
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        whole.replace(b"Content-Length: ", b"Content-Length: -"),
        whole.replace(b"Content-Length: ", b"Content-Length: 5\r\nContent-Length: "),
        head(PATH, "Transfer-Encoding: gzip, chunked"),
        head(PATH, "X: \x00"),
        start + b"zz\r\n",
        start + b"-5\r\nhello\r\n",
        start + b"fffffffffffffffffffffffff\r\n",
        head("/x y", method="GET"),
    ):
        yield Bad("no HTTP", (400, 404, 501, CLOSED), [data])
    many = "\r\n".join(f"X{k}: 1" for k in range(10**5))
    for lines in ("X: " + "x" * 10**6, many, "Cookie: " + "a=b; " * 10**5):
        yield Bad("a huge head", (400, CLOSED), [head(PATH, lines)])


def announcing(width: int, height: int) -> bytes:
    """Return a PNG file whose header gives this many pixels, without pixel data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(100))), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
