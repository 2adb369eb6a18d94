"""Valid requests and the correct answers: the results of the Python API, byte for byte."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from asking import Answer, chunked, connect, form, head, post, receive, receive_all, send
from numpy.typing import NDArray
from PIL import Image

from cdtnet import Harmonizer, Picture
from cdtnet.imaging import encode_picture, read_picture

DEMO = Path(__file__).parents[1] / "src" / "cdtnet" / "demo"
MODELS = ("cdtnet-256", "cdtnet-sim")


@dataclass(frozen=True)
class Good:
    """A valid request.

    Attributes:
        kind: Its row in the table.
        parts: Its bytes.
        expected: The body of the answer; for a table, the .cube file.
        times: The number of pipelined repetitions in `parts`; the last one requests `close`.
    """

    kind: str
    parts: list[bytes] = field(repr=False)
    expected: bytes = field(repr=False)
    times: int = 1

    def ask(self, port: int) -> Answer:
        """Return the answer; of several, the first failure, or `CLOSED` if they differ."""
        with connect(port) as connection:
            send(connection, self.parts)
            answers = receive_all(connection, self.times) if self.times > 1 else [receive(connection)]
        odd = [answer for answer in answers if answer.status != 200]
        return odd[0] if odd else answers[0] if len(set(answers)) == 1 else Answer()

    def is_right(self, answer: Answer) -> bool:
        """Return whether every byte is correct."""
        if answer.kind == "application/json":
            return json.loads(answer.body).get("cube", "").encode() == self.expected
        return answer.body == self.expected


def good_requests(widest: int, models: Sequence[str] = MODELS) -> Iterator[Good]:
    """Return one request of each kind.

    Args:
        widest: The longer side of the largest picture, in pixels.
        models: Two names or files, which the server has in this order.
    """
    harmonizers = {Path(model).stem: Harmonizer(model, "cpu") for model in models}
    default, other = harmonizers

    def made(kind: str, data: bytes, mask: NDArray[Any], suffix: str, **settings: Any) -> Good:
        model, strength = settings.get("model", default), settings.get("strength", 1.0)
        result = harmonizers[model](read_picture(data), mask, strength=strength)
        expected = encode_picture(result.image, suffix, quality=settings.get("quality", 95))
        return Good(kind, [post("/v1/harmonize", *form(data, png(mask), **settings))], expected)

    small, small_mask = photo(96)
    middle, middle_mask = photo(max(128, widest // 2))
    large, large_mask = photo(widest)
    deep = encode_picture(Picture(small.astype(np.uint16) * 257), ".tif")
    plain = made("form, small JPEG", jpeg(small), small_mask, ".jpg")
    yield plain
    yield made(
        "form, JPEG, strength and quality", jpeg(middle), middle_mask, ".jpg", strength=0.6, quality=80
    )
    yield made("form, large JPEG", jpeg(large), large_mask, ".jpg")
    yield made("form, 16-bit TIFF", deep, small_mask, ".tif")
    yield made("form, PNG to WebP", png(middle), middle_mask, ".webp", format="webp", model=other)
    yield _alpha(harmonizers[default], small, small_mask)
    yield _table(harmonizers[default], jpeg(middle), middle_mask)
    yield _in_chunks("form, in small chunks", *form(jpeg(small), png(small_mask)), plain.expected)
    last = post("/v1/harmonize", *form(jpeg(small), png(small_mask)), "Connection: close")
    yield Good("three requests at once", [*plain.parts * 2, last], plain.expected, times=3)


def _alpha(harmonizer: Harmonizer, pixels: NDArray[Any], mask: NDArray[Any]) -> Good:
    both = encode_picture(Picture(np.dstack((pixels, mask))), ".png")
    opaque = read_picture(both).replace_pixels(pixels)
    expected = encode_picture(harmonizer(opaque, mask, strength=0.8).image, ".png")
    return Good(
        "raw, alpha is the mask", [post("/v1/harmonize/alpha?strength=0.8", both, "image/png")], expected
    )


def _table(harmonizer: Harmonizer, data: bytes, mask: NDArray[Any]) -> Good:
    lut = harmonizer.lut(read_picture(data), mask)
    assert lut
    request = post("/v1/harmonize", *form(data, png(mask)), "Accept: application/json")
    return Good("form, the table as JSON", [request], lut.encode())


def _in_chunks(kind: str, body: bytes, media_type: str, expected: bytes) -> Good:
    start = head("/v1/harmonize", f"Content-Type: {media_type}", "Transfer-Encoding: chunked")
    chunks: Iterable[bytes] = chunked(body, 97)
    return Good(kind, [start + b"".join(chunks)], expected)


def photo(width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the demo's picture and mask at a width."""
    composite, mask = (Image.open(DEMO / name) for name in ("composite.jpg", "mask.png"))
    size = (width, composite.height * width // composite.width)
    return np.asarray(composite.convert("RGB").resize(size)), np.asarray(mask.convert("L").resize(size))


def jpeg(pixels: NDArray[Any]) -> bytes:
    """Return a file of the pixels."""
    return encode_picture(Picture(pixels), ".jpg")


def png(pixels: NDArray[Any]) -> bytes:
    """Return a file of the pixels."""
    return encode_picture(Picture(pixels if pixels.ndim == 3 else pixels[..., None]), ".png")
