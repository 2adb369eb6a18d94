"""Processing of a request through the public API: from files to a file or a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from ...errors import PictureError
from ...imaging import Picture, describe, describe_encoding, encode_picture, read_picture
from ...imaging.formats import result_format
from ...imaging.write import lost_depth
from ...inference.harmonizer import Harmonizer
from ...inference.pipeline import harmonize_picture, mask_for, split_alpha, table_for
from ..queue import Job
from .intake import HarmonizeRequest
from .settings import KINDS, RequestOptions

Mask = NDArray[Any]


@dataclass(frozen=True)
class Reply:
    """A response.

    Attributes:
        body: The content.
        media_type: Its MIME type.
        remark: What is unusual about the mask, or why little is changed, in a sentence; None otherwise.
        seconds: The time of each step.
        pixels: The number of pixels of the picture.
    """

    body: bytes
    media_type: str
    remark: str | None
    seconds: dict[str, float]
    pixels: int


def answer(harmonizer: Harmonizer, order: HarmonizeRequest, max_pixels: int, job: Job) -> Reply:
    """Decode, harmonize and encode; stop at the next tile if the job is cancelled.

    Args:
        harmonizer: The harmonizer with the requested model.
        order: The request.
        max_pixels: The largest number of pixels to decode.
        job: The job, which receives the progress.

    Raises:
        PictureError: Composite or mask cannot be used, or the requested format cannot hold the result.
        JobCancelledError: The job was cancelled.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "decode"):
        picture, mask = _decode(order, max_pixels)
    job.progress(0, 0)
    make = _table if order.table else _picture
    body, media_type, remark = make(harmonizer, picture, mask, order.options, seconds, job)
    return Reply(body, media_type, remark, seconds, picture.width * picture.height)


def _picture(
    harmonizer: Harmonizer,
    picture: Picture,
    mask: Mask,
    options: RequestOptions,
    seconds: dict[str, float],
    job: Job,
) -> tuple[bytes, str, str | None]:
    if options.fit:
        raise PictureError("Only a table can be fitted; request the table with Accept: application/json.")
    kind = options.format or result_format(picture.metadata.format).key
    suffix = KINDS[kind].suffix
    describe_encoding(picture, f"picture{suffix}")  # check that it can be written before harmonizing
    with _timed(seconds, "harmonize"):
        result = harmonize_picture(harmonizer, picture, mask, options, progress=job.progress)
    with _timed(seconds, "encode"):
        body = encode_picture(result.image, suffix, quality=options.quality)
    remarks = filter(None, (result.remark, lost_depth(result.image, suffix)))
    return body, KINDS[kind].media_type, " ".join(remarks) or None


def _table(
    harmonizer: Harmonizer,
    picture: Picture,
    mask: Mask,
    options: RequestOptions,
    seconds: dict[str, float],
    job: Job,
) -> tuple[bytes, str, str | None]:
    with _timed(seconds, "harmonize"):
        lut = table_for(harmonizer, picture, mask, options, fit=options.fit)
        cube = lut and lut.encode().decode()
    remark = describe(mask)
    table = {"cube": cube, "remark": remark, "seconds": seconds}
    return json.dumps(table).encode(), "application/json", remark


def _decode(order: HarmonizeRequest, max_pixels: int) -> tuple[Picture, Mask]:
    """Decode picture and mask; the composite is opaque if its alpha channel was the mask."""
    with _naming("composite"):
        options = order.options
        picture = read_picture(
            order.composite.read(), max_pixels=max_pixels, page=options.page, color_space=options.color_space
        )
        if order.mask is None:
            return split_alpha(picture, order.options)
    with _naming("mask"):
        given = read_picture(order.mask.read(), max_pixels=max_pixels)
        return picture, mask_for(picture, given, order.options)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[step] = perf_counter() - start


@contextmanager
def _naming(part: str) -> Iterator[None]:
    try:
        yield
    except PictureError as error:
        raise PictureError(f"{part}: {error}") from None
