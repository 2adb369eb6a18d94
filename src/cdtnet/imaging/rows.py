"""Pictures that stay in their files: rows are read when needed, from top to bottom.

They are read by libvips; docs/large-pictures.md compares it with others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import EllipsisType
from typing import Any, NamedTuple, cast

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError
from ..system.machine import available_cores
from .containers import is_animated_png
from .masks import Plane, survey_of
from .pages import pages_of
from .picture import Picture
from .read import DEPTHS, check, choose_page, explained, field, kind_of, load, opened, read_metadata

MAX_PIXELS = 1 << 34
_BANDED = ("JPEG", "PNG", "TIFF", "WebP")  # formats that are decoded from top to bottom
_STRIP = 128  # rows read at a time
# Number of strips kept: tiles of up to 256 rows with their halo span five; threads may run ahead.
_KEPT = 6 + available_cores() // 4

Key = slice | tuple[slice, slice]


class Header(NamedTuple):
    """The properties of a picture's file that are known before decoding.

    Attributes:
        format: "JPEG", "PNG", "TIFF" or "WebP".
        pixels: Width times height.
        nbytes: The memory that the pixels would take.
        obstacle: Why it cannot be read from top to bottom, as a predicate after its name; None if it can.
    """

    format: str
    pixels: int
    nbytes: int
    obstacle: str | None


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the header of a picture's file.

    Raises:
        PictureError: The file cannot be opened, or is of an unknown format.
    """
    with opened(path) as (stream, name):
        kind = kind_of(stream, name)
        if kind not in _BANDED:  # small files are read whole; large ones are refused then
            return Header(kind, 0, 0, f"is a {kind} file")
        pages = [page for page in pages_of(stream) if page.shown] if kind == "TIFF" else []
        if pages and pages[0].lab:
            return Header(kind, 0, 0, "is an L*a*b* picture")
        with explained(name, kind):
            image = load(pyvips.Source.new_from_file(name), kind, pages[0].number if pages else 0)
    pixels = image.width * image.height
    depth = np.dtype(DEPTHS.get(image.format, np.uint8)).itemsize
    obstacle = None
    if (field(image, "orientation") or 1) != 1:
        obstacle = "is stored rotated or mirrored"
    elif field(image, "interlaced"):
        obstacle = "is stored interlaced or progressively"
    elif image.interpretation == "cmyk":
        obstacle = "is a CMYK picture"
    elif len(pages) != 1 or pages[0].number or pages[0].associated:
        obstacle = "has several pages or alpha that is multiplied in" if pages else None
    return Header(kind, pixels, pixels * image.bands * depth, obstacle)


def open_picture(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Open a picture whose pixels are `Rows`.

    Args:
        path: A file of a format and kind that `read_picture` supports, stored upright and from top to bottom.
        max_pixels: The largest number of pixels that it may have.

    Raises:
        PictureError: As from `read_picture`. Damage may be detected later, while rows are read.
    """
    if obstacle := read_header(path).obstacle:
        raise PictureError(
            f"{path} {obstacle}, so it cannot be read in parts; save it as an upright TIFF first."
        )
    with opened(path) as (stream, name):
        kind = kind_of(stream, name)
        with explained(name, kind):
            image = load(pyvips.Source.new_from_file(name), kind)
            check(image, name, max_pixels, animated=kind == "PNG" and is_animated_png(stream))
        choose_page(stream, kind, name, None)
        return Picture(cast(NDArray[Any], Rows(name, kind, image)), read_metadata(image, kind, stream, 1))


def open_mask(path: str | os.PathLike[str], height: int, width: int) -> Plane:
    """Open the mask file of a streamed picture; `to_mask` describes how it is read.

    Raises:
        PictureError: As from `open_picture`, or the mask has another size.
    """
    picture = open_picture(path)
    rows, columns, _ = picture.pixels.shape
    if (rows, columns) != (height, width):
        raise PictureError(
            f"The mask has {columns}×{rows} pixels and the picture {width}×{height}; masks of pictures this "
            "large are not resized, so give one of the same size."
        )
    read = survey_of(picture).reading()
    dtype = read(picture.pixels[:1]).dtype
    return Plane(cast(Rows, picture.pixels), read, dtype)


class Rows:
    """An (H,W,C) array that is stored in a file.

    It is indexed by a slice of rows, or of rows and of columns, also from several threads. Rows should be
    requested from top to bottom: a few strips are kept, and read ahead. For rows further up, the file is read
    again from its beginning.

    Args:
        name: The name of the file.
        kind: Its format.
        image: The image as opened by libvips.

    Attributes:
        shape: (H, W, C).
        dtype: uint8, uint16 or float32.
        nbytes: The memory that the pixels would take.
        watch: Called in the requesting thread with the row below the requested ones.
    """

    watch: Callable[[int], None] | None = None

    def __init__(self, name: str, kind: str, image: Any):
        self._name, self._kind = name, kind
        self.shape = image.height, image.width, image.bands
        self.dtype = np.dtype(DEPTHS[image.format])
        self.nbytes = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        self._strips: dict[int, Future[NDArray[Any]]] = {}
        self._lock = Lock()
        # One thread reads ahead of the requests.
        self._reader = ThreadPoolExecutor(1)
        self._region: Any = None
        self._next = 0

    def __getitem__(self, key: Key | tuple[EllipsisType, int]) -> Any:
        if isinstance(key, tuple) and key[0] is Ellipsis:
            channel = key[1]
            return Plane(self, lambda pixels: pixels[..., channel], self.dtype)
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        start, stop, _ = rows.indices(self.shape[0])
        if self.watch:
            self.watch(stop)
        try:
            parts = [
                pixels.result()[max(start - strip * _STRIP, 0) : stop - strip * _STRIP, columns]
                for strip, pixels in self._strips_of(start, stop)
            ]
        except BaseException:
            self._close()
            raise
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _strips_of(self, start: int, stop: int) -> list[tuple[int, Future[NDArray[Any]]]]:
        first, last = start // _STRIP, (stop - 1) // _STRIP
        with self._lock:
            if self._strips and first < min(self._strips):
                self._strips.clear()
            following = max(self._strips, default=first - 1) + 1
            for strip in range(following, min(last + 1, (self.shape[0] - 1) // _STRIP) + 1):
                self._strips[strip] = self._reader.submit(self._read, strip)
            found = [(strip, self._strips[strip]) for strip in range(first, last + 1)]
            for strip in sorted(self._strips)[:-_KEPT]:
                del self._strips[strip]
        return found

    def _close(self) -> None:
        """End the thread and drop the rows, because errors may keep this object alive for long."""
        with self._lock:
            self._reader.shutdown()
            self._reader, self._region = ThreadPoolExecutor(1), None
            self._strips.clear()

    def _read(self, strip: int) -> NDArray[Any]:
        height, width, channels = self.shape
        top = strip * _STRIP
        rows = min(_STRIP, height - top)
        with explained(self._name, self._kind):
            if self._region is None or strip < self._next:
                self._region = pyvips.Region.new(load(pyvips.Source.new_from_file(self._name), self._kind))
            self._next = strip + 1
            data = self._region.fetch(0, top, width, rows)
        return np.frombuffer(data, self.dtype).reshape(rows, width, channels)
