"""Writing pictures with libvips: no depth lost in silence, metadata kept, whole files only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError
from ..system.atomic import write_file
from ..system.forking import use_threads
from .containers import embed_exif, with_jfif
from .depth import WITH_ALPHA
from .formats import FORMATS, SUFFIXES
from .metadata import Metadata
from .xmp import extract

_COLORS = {"uint8": ("b-w", "srgb"), "uint16": ("grey16", "rgb16"), "float32": ("b-w", "scrgb")}
_BANDS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
_JPEG_XMP = 0xFFFF - 2 - len(b"http://ns.adobe.com/xap/1.0/\0")  # bytes that a segment holds
_KEPT = 2 | 4 | 8  # libvips' flags for XMP, IPTC and ICC; EXIF goes in byte for byte afterwards
_CUSTOMARY = 72 / 25.4  # pixels per millimetre where the source gives none; libvips would put 25.4 dpi
BIG_TIFF = (
    3 << 30
)  # bytes of pixels from which on a classic TIFF might not hold them, whatever the compression does


class Pixels(Protocol):
    """What is written: a `Picture`.

    Attributes:
        pixels: (H, W, C) uint8, uint16 or float32.
        metadata: What else goes into the file.
    """

    @property
    def pixels(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def metadata(self) -> Metadata: ...  # noqa: D102


def write_picture(picture: Pixels, path: str | os.PathLike[str], *, quality: int = 95) -> None:
    """Write a picture in the format that the name's suffix asks for, with its metadata, atomically.

    JPEG is written without chroma subsampling, in one pass: Huffman tables made for each picture would save a
    tenth of the file, for four times the time and the memory of several pictures. PNG and TIFF are lossless,
    and so is WebP where the picture's source was; `describe_encoding` says which it will be.

    Args:
        picture: The picture.
        path: The file's name, ending in .jpg, .jpeg, .png, .tif, .tiff or .webp.
        quality: 1 to 100, for JPEG and lossy WebP.

    Raises:
        PictureError: The suffix is unknown, or the format cannot hold the picture as it is.
        WriteError: Writing fails; a file that was there is untouched then.
    """
    write_file(path, encode_picture(picture, Path(path).suffix, quality=quality))


def encode_picture(picture: Pixels, suffix: str, *, quality: int = 95) -> bytes:
    """The bytes of the file that `write_picture` would write under a name with this suffix."""
    kind = _checked_format(picture, suffix)
    check_quality(quality)
    try:
        data: bytes = _encode(kind, picture, quality)
    except pyvips.Error as error:
        detail = next((line.strip() for line in error.detail.splitlines() if line.strip()), "no details")
        raise PictureError(
            f"The picture cannot be encoded as {kind} ({detail}); try another format."
        ) from error
    if picture.metadata.exif is None:
        return data
    height, width, channels = picture.pixels.shape
    return embed_exif(
        data, kind, picture.metadata.exif, width=width, height=height, alpha=channels in WITH_ALPHA
    )


def check_quality(quality: int) -> None:
    """Refuse a quality that is not from 1 to 100."""
    if not 1 <= quality <= 100:
        raise PictureError(f"The quality must lie between 1 and 100, not at {quality}.")


def describe_encoding(picture: Pixels, path: str | os.PathLike[str], *, quality: int = 95) -> str:
    """How `write_picture` would write this, in words such as "JPEG quality 95" or "lossless PNG".

    Raises:
        PictureError: The format is unknown or cannot hold the picture, as `write_picture` would find.
    """
    kind = _checked_format(picture, Path(path).suffix)
    return f"lossless {kind}" if _is_lossless(kind, picture) else f"{kind} quality {quality}"


def _checked_format(picture: Pixels, suffix: str) -> str:
    kind = SUFFIXES.get(suffix.lower())
    if kind is None:
        given = f"ends in {suffix}" if suffix else "has no suffix"
        raise PictureError(f"The output name {given}; let it end in {', '.join(SUFFIXES)}.")
    depth = picture.pixels.dtype.name
    if depth not in FORMATS[kind].depths:
        able = " or ".join(format_.name for format_ in FORMATS.values() if depth in format_.depths)
        raise PictureError(f"{kind} cannot hold {depth} pixels without losing depth; write {able} instead.")
    if kind == "JPEG" and len(picture.metadata.xmp or b"") > _JPEG_XMP and extract(picture.metadata.xmp):
        raise PictureError(
            "The picture's XMP leaves no room in a JPEG for a record; write PNG, TIFF or WebP."
        )
    height, width, channels = picture.pixels.shape
    if channels in WITH_ALPHA and not FORMATS[kind].alpha:
        raise PictureError(f"{kind} cannot hold an alpha channel; write PNG, TIFF or WebP instead.")
    longest = FORMATS[kind].longest
    if longest and max(width, height) > longest:
        raise PictureError(
            f"{kind} holds at most {longest} pixels a side, and the picture has "
            f"{width}×{height}; write PNG or TIFF instead."
        )
    return kind


def _is_lossless(kind: str, picture: Pixels) -> bool:
    return kind in ("PNG", "TIFF") or (kind == "WebP" and picture.metadata.lossless)


def _to_vips(picture: Pixels, kind: str) -> Any:
    use_threads()
    pixels, metadata = np.ascontiguousarray(picture.pixels), picture.metadata
    height, width, bands = pixels.shape
    depth = pixels.dtype.name
    xres, yres = metadata.resolution or (_CUSTOMARY, _CUSTOMARY)
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, _BANDS[depth])
    image = image.copy(interpretation=_COLORS[depth][bands > 2], xres=xres, yres=yres)
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    iptc = (
        metadata.iptc if kind == metadata.format == "JPEG" else None
    )  # each format wraps IPTC in its own way
    for name, blob in (("icc-profile", metadata.icc), ("xmp", metadata.xmp), ("iptc", iptc)):
        if blob:
            image.set_type(pyvips.GValue.blob_type, f"{name}-data", blob)
    return image


def _encode(kind: str, picture: Pixels, quality: int) -> Any:
    if kind == "TIFF":
        return encode_tiff(picture, big=picture.pixels.nbytes > BIG_TIFF)
    image = _to_vips(picture, kind)
    if kind == "JPEG":
        jpeg = image.jpegsave_buffer(Q=quality, subsample_mode="off", keep=_KEPT)
        return with_jfif(jpeg, picture.metadata.resolution)
    if kind == "PNG":
        return image.pngsave_buffer(filter="sub", keep=_KEPT)
    lossless = _is_lossless(kind, picture)  # exact: colors under transparent pixels are part of it too
    return image.webpsave_buffer(Q=quality, lossless=lossless, exact=lossless, keep=_KEPT)


def encode_tiff(picture: Pixels, *, big: bool) -> Any:
    """The bytes of a TIFF file without EXIF; `big` for a BigTIFF, which may be longer than 4 GB."""
    predictor = "float" if picture.pixels.dtype == np.float32 else "horizontal"
    image = _to_vips(picture, "TIFF")
    return image.tiffsave_buffer(compression="deflate", predictor=predictor, bigtiff=big, keep=_KEPT)
