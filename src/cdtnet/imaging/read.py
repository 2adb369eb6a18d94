"""Reading picture files with libvips: native depth, turned upright once, never half a picture."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError
from ..system.files import check_regular
from ..system.forking import use_threads
from ..system.machine import free_memory
from . import exif as exif_blocks
from .containers import format_of, is_animated_png, is_lossless_webp
from .depth import CHANNELS
from .metadata import Metadata
from .picture import Picture

MAX_PIXELS = 1 << 30
COPIES = 3  # of a picture's pixels in memory, at most: as read, as changed, and that encoded
DEPTHS = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_COLORS = ("srgb", "rgb", "rgb16", "scrgb", "b-w", "grey16", "multiband")
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>)\s*)[2-8]""")


def read_picture(source: str | os.PathLike[str] | bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a JPEG, PNG, TIFF or WebP picture.

    Depth and channels stay what they are in the file; palettes become RGB (with alpha where they have it) and
    1-bit pictures 8-bit grey. The values are the decoded ones: no color conversion takes place. An
    orientation is applied to the pixels and reset in EXIF and XMP; the EXIF thumbnail, which shows the old
    pixels, is dropped.

    Args:
        source: A file's path, or the bytes of one.
        max_pixels: The most pixels to decode, checked against the file's header.

    Raises:
        PictureError: The file is missing, damaged, cut short, too large (for the limit or for the memory
            that is free), animated, of several pages, or of a format, depth or color space that is not
            supported.
    """
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), pyvips.Source.new_from_memory(source), "The given data", max_pixels)
    with opened(source) as (stream, name):
        return _read(stream, pyvips.Source.new_from_file(name), name, max_pixels)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[BinaryIO, str]]:
    """A picture file, open for reading, and its name.

    Raises:
        PictureError: It cannot be opened or read.
    """
    path = Path(path)
    try:
        str(path).encode()  # as libvips will want it
        check_regular(path)
        with path.open("rb") as stream:
            yield stream, str(path)
    except FileNotFoundError as error:
        raise PictureError(f"{path} does not exist; check the name.") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path} is a folder; give the name of a picture file.") from error
    except pyvips.Error as error:
        raise PictureError(f"{path} cannot be read; check the file and its permissions.") from error
    except UnicodeEncodeError as error:
        raise PictureError(f"{str(path)!r} is a name that is not UTF-8; rename the file.") from error
    except OSError as error:
        raise PictureError(
            f"{path} cannot be read ({error.strerror}); check the file and its permissions."
        ) from error


def decoded_bytes(data: bytes) -> int:
    """How much memory the pixels in a file will take, by its header; 0 where that cannot be read."""
    try:
        image = pyvips.Image.new_from_buffer(data, "")
    except pyvips.Error:
        return 0
    return _nbytes(image)


def _read(stream: BinaryIO, source: Any, name: str, max_pixels: int) -> Picture:
    kind = kind_of(stream, name)
    with explained(name, kind):
        image = load(source, kind)
        check(image, name, max_pixels, animated=kind == "PNG" and is_animated_png(stream))
        _check_memory(image, name)
        pixels = _pixels(image)
    orientation = field(image, "orientation") or 1
    return Picture(_upright(pixels, orientation), read_metadata(image, kind, stream, orientation))


def kind_of(stream: BinaryIO, name: str) -> str:
    """The format of a file, by its first bytes.

    Raises:
        PictureError: It is empty or of no known format.
    """
    head = stream.read(12)
    if not head:
        raise PictureError(f"{name} is empty; give a JPEG, PNG, TIFF or WebP picture.")
    kind = format_of(head)
    if kind is None:
        raise PictureError(f"{name} is not a JPEG, PNG, TIFF or WebP picture; convert it to one of these.")
    return kind


def load(source: Any, kind: str) -> Any:
    """The libvips image of a `pyvips.Source`, to be read once from top to bottom."""
    use_threads()
    return getattr(pyvips.Image, f"{kind.lower()}load_source")(source, access="sequential", fail_on="error")


@contextmanager
def explained(name: str, kind: str) -> Iterator[None]:
    """Around what libvips does with a file: says in words that it cannot be read."""
    try:
        yield
    except pyvips.Error as error:
        detail = next((line.strip() for line in error.detail.splitlines() if line.strip()), "no details")
        raise PictureError(
            f"{name} is damaged, incomplete or of a kind of {kind} that cannot be read ({detail}); "
            "save it again from its source."
        ) from error


def check(image: Any, name: str, max_pixels: int, *, animated: bool) -> None:
    """Refuse, before any pixel is decoded, what could not be used afterwards."""
    if image.width * image.height > max_pixels:
        raise PictureError(
            f"{name} has {image.width}×{image.height} pixels, more than the limit of {max_pixels:,}; "
            "reduce it first."
        )
    pages = field(image, "n-pages") or 1
    if animated or pages > 1:
        raise PictureError(
            f"{name} is animated or has several pages; save the one you want as a file of its own."
        )
    if image.interpretation == "cmyk":
        raise PictureError(f"{name} is a CMYK picture; convert it to RGB, such as sRGB, first.")
    if image.interpretation not in _COLORS or image.bands not in CHANNELS:
        what = f"{image.bands} channels of color space {image.interpretation}"
        raise PictureError(f"{name} has {what}; convert it to grey or RGB, with or without alpha, first.")
    if image.format not in DEPTHS:
        raise PictureError(
            f"{name} stores its pixels as {image.format}; save it with 8, 16 or 32-bit float depth."
        )


def _check_memory(image: Any, name: str) -> None:
    """Refuse what would drive the machine out of memory: small files may hold very many equal pixels."""
    free, needed = free_memory(), COPIES * _nbytes(image)
    if free is not None and needed > free:
        raise PictureError(
            f"{name} has {image.width}×{image.height} pixels, which take up to {needed / 1e9:.1f} GB of "
            f"memory, and {max(free, 0) / 1e9:.1f} GB are free; reduce it first."
        )


def _nbytes(image: Any) -> int:
    depth = np.dtype(DEPTHS.get(image.format, np.uint8)).itemsize
    return int(image.width * image.height * image.bands * depth)


def _pixels(image: Any) -> NDArray[Any]:
    flat = np.frombuffer(image.write_to_memory(), dtype=DEPTHS[image.format])
    return flat.reshape(image.height, image.width, image.bands)


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (1 to 8) to (H, W, C) pixels."""
    turned = pixels.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else pixels
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(turned[rows, columns])


def read_metadata(image: Any, kind: str, stream: BinaryIO, orientation: int) -> Metadata:
    """What a file holds besides the pixels, for pixels that have been turned upright."""
    blob = field(image, "exif-data")
    exif = exif_blocks.from_tiff(stream) if kind == "TIFF" else blob and blob.removeprefix(b"Exif\0\0")
    xmp = field(image, "xmp-data")
    if xmp and orientation > 1:
        xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    return Metadata(
        icc=field(image, "icc-profile-data"),
        exif=exif_blocks.upright(exif, sideways=orientation > 4) if exif else None,
        xmp=xmp,
        iptc=field(image, "iptc-data"),
        # 1 pixel per millimetre is what libvips reports where a file says nothing, or 72 dpi in JPEG and PNG.
        resolution=None if (image.xres, image.yres) == (1.0, 1.0) else (image.xres, image.yres),
        lossless=is_lossless_webp(stream) if kind == "WebP" else kind != "JPEG",
        format=kind,
    )


def field(image: Any, name: str) -> Any:
    """A header field, or None where the file has none of that name."""
    return image.get(name) if image.get_typeof(name) else None
