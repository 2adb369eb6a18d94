"""Writing pictures with libvips: depth and metadata are kept, and files are written atomically."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError
from ..system.atomic import write_file
from ..system.forking import use_threads
from . import chunks, encoders, thumbnails
from .containers import embed_exif, with_jfif
from .depth import WITH_ALPHA, multiplied
from .formats import AVIF, EXR, FORMATS, HEIC, JXL, SUFFIXES, SUFFIXES_WRITTEN, able
from .icc import ProfileError, is_linear
from .metadata import Metadata
from .pages import EXTRA_SAMPLES, LAB, PHOTOMETRIC, with_tag
from .second import PREFIX
from .xmp import extract

_COLORS = {"uint8": ("b-w", "srgb"), "uint16": ("grey16", "rgb16"), "float32": ("b-w", "scrgb")}
_BANDS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
_JPEG_XMP = 0xFFFF - 2 - len(b"http://ns.adobe.com/xap/1.0/\0")  # largest XMP segment in bytes
# libvips' flags for XMP, IPTC, ICC and other metadata; EXIF is inserted byte for byte afterwards
_KEPT = 2 | 4 | 8 | 16
_ASSOCIATED = 1  # TIFF's code of premultiplied alpha
_CUSTOMARY = 72 / 25.4  # pixels per millimeter if the source has none; libvips would write 25.4 dpi
DEFLATE = 3  # zlib's level: half the time of 6, with hardly larger files (docs/writing.md)
BIG_TIFF = 3 << 30  # bytes of pixels from which a classic TIFF might be too small, with any compression


class Pixels(Protocol):
    """The picture to be written.

    Attributes:
        pixels: (H, W, C) uint8, uint16 or float32.
        metadata: The other content of the file.
    """

    @property
    def pixels(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def metadata(self) -> Metadata: ...  # noqa: D102


def write_picture(picture: Pixels, path: str | os.PathLike[str], *, quality: int = 95) -> None:
    """Write a picture in the format of the name's suffix, with its metadata, atomically.

    JPEG is written without chroma subsampling, in one pass: optimized Huffman tables would save a tenth of
    the file, but take four times the time and the memory of several pictures. PNG and TIFF are lossless, and
    so is WebP if the picture's source was; see `describe_encoding`.

    Args:
        picture: The picture.
        path: The file's name, with a suffix of a written format, such as .jpg, .png, .tif or .webp.
        quality: 1 to 100, for lossy formats.

    Raises:
        PictureError: The suffix is unknown, or the format cannot hold the picture.
        WriteError: The file cannot be written; an existing file is unchanged.
    """
    write_file(path, encode_picture(picture, Path(path).suffix, quality=quality))


def encode_picture(picture: Pixels, suffix: str, *, quality: int = 95) -> bytes:
    """Return the bytes of the file that `write_picture` would write with this suffix.

    Warns:
        UserWarning: The depth is reduced; see `lost_depth`.
    """
    kind = _checked_format(picture, suffix)
    check_quality(quality)
    if sentence := lost_depth(picture, suffix):
        warnings.warn(sentence, stacklevel=2)
    if picture.metadata.thumbnails:
        fresh = thumbnails.refreshed(picture.metadata, _to_vips(picture, "TIFF"))
        picture = _Other(picture.pixels, fresh)
    if kind in encoders.KINDS:
        return encoders.encode(kind, picture.pixels, picture.metadata, quality)
    try:
        data: bytes = _encode(kind, picture, quality)
    except pyvips.Error as error:
        detail = next((line.strip() for line in error.detail.splitlines() if line.strip()), "no details")
        raise PictureError(
            f"The picture cannot be encoded as {kind} ({detail}); try another format."
        ) from error
    if kind == "PNG":
        data = chunks.embed(data, _chunks(picture.metadata))
    if picture.metadata.exif is None or kind == AVIF.name:
        return data
    height, width, channels = picture.pixels.shape
    return embed_exif(
        data, kind, picture.metadata.exif, width=width, height=height, alpha=channels in WITH_ALPHA
    )


def lost_depth(picture: Pixels, suffix: str) -> str | None:
    """Describe the loss if a format holds fewer bits than a picture has; None if it holds them all."""
    format_, bits = FORMATS[SUFFIXES[suffix.lower()]], picture.metadata.bits or 16
    if picture.pixels.dtype != np.uint16 or bits <= format_.bits:
        return None
    return f"{format_.name} holds {format_.bits} bits a channel; the picture has {bits}."


def check_quality(quality: int) -> None:
    """Refuse a quality that is not from 1 to 100."""
    if not 1 <= quality <= 100:
        raise PictureError(f"The quality must be between 1 and 100, not {quality}.")


def describe_encoding(picture: Pixels, path: str | os.PathLike[str], *, quality: int = 95) -> str:
    """Describe how `write_picture` would encode a picture: "JPEG quality 95", "lossless PNG".

    Raises:
        PictureError: The format is unknown or cannot hold the picture, as from `write_picture`.
    """
    kind = _checked_format(picture, Path(path).suffix)
    return f"lossless {kind}" if _is_lossless(kind, picture) else f"{kind} quality {quality}"


def _checked_format(picture: Pixels, suffix: str) -> str:
    kind = SUFFIXES.get(suffix.lower())
    if kind is None:
        given = f"ends in {suffix}" if suffix else "has no suffix"
        raise PictureError(f"The output name {given}; use one of {', '.join(SUFFIXES_WRITTEN)}.")
    if _in_native(kind, picture):
        return kind
    depth = picture.pixels.dtype.name
    if not FORMATS[kind].depths:
        raise PictureError(f"{kind} can only be read; write {able(depth)} instead.")
    if depth not in FORMATS[kind].depths:
        raise PictureError(
            f"{kind} cannot hold {depth} pixels without losing depth; write {able(depth)} instead."
        )
    _check_meaning(kind, picture)
    encoders.check_installed(kind)
    if kind == "JPEG" and len(picture.metadata.xmp or b"") > _JPEG_XMP and extract(picture.metadata.xmp):
        raise PictureError(
            "The picture's XMP and the record together do not fit into a JPEG; write PNG, TIFF or WebP."
        )
    height, width, channels = picture.pixels.shape
    if channels in WITH_ALPHA and not FORMATS[kind].alpha:
        raise PictureError(f"{kind} cannot hold an alpha channel; write {able(depth, alpha=True)} instead.")
    longest = FORMATS[kind].longest
    if longest and max(width, height) > longest:
        raise PictureError(
            f"{kind} holds at most {longest} pixels a side, and the picture has "
            f"{width}×{height}; write PNG or TIFF instead."
        )
    return kind


def _check_meaning(kind: str, picture: Pixels) -> None:
    """Refuse to write colors whose meaning the file could not declare."""
    metadata = picture.metadata
    if metadata.hdr is not None and kind not in ("PNG", HEIC.name):
        raise PictureError(f"{kind} cannot declare that the picture is an HDR signal (PQ or HLG); write PNG.")
    if kind == EXR.name and not _is_light(metadata):
        raise PictureError(
            "EXR holds linear light, and the picture's values are not declared as linear; write TIFF, or, if "
            "they are linear, read the picture with --color-space linear."
        )


def _is_light(metadata: Metadata) -> bool:
    """Check whether values are linear light; those from memory may be."""
    if metadata.icc is None:
        return metadata.format in (None, EXR.name)
    try:
        return is_linear(metadata.icc)
    except ProfileError:
        return False


def _in_native(kind: str, picture: Pixels) -> bool:
    """Check whether a picture is written in the CMYK or L*a*b* space in which it was read."""
    native = picture.metadata.native
    if native is None or native.pixels.shape[:2] != picture.pixels.shape[:2]:
        return False
    return kind == "TIFF" or (kind == "JPEG" and native.space == "cmyk" and native.pixels.dtype == np.uint8)


def _chunks(metadata: Metadata) -> tuple[bytes, ...]:
    """Return the chunks of a PNG file that libvips does not write."""
    if metadata.hdr is not None and not chunks.of_color(metadata.chunks):
        return (*metadata.chunks, chunks.cicp(metadata.hdr))
    return metadata.chunks


def _is_lossless(kind: str, picture: Pixels) -> bool:
    if kind in ("WebP", JXL.name):
        return picture.metadata.lossless or (kind == JXL.name and picture.pixels.dtype == np.uint16)
    return kind in ("PNG", "TIFF", EXR.name)


def _to_vips(picture: Pixels, kind: str) -> Any:
    use_threads()
    pixels, metadata = np.ascontiguousarray(picture.pixels), picture.metadata
    height, width, bands = pixels.shape
    depth = pixels.dtype.name
    xres, yres = metadata.resolution or (_CUSTOMARY, _CUSTOMARY)
    image = pyvips.Image.new_from_memory(pixels.data, width, height, bands, _BANDS[depth])
    image = image.copy(interpretation=_COLORS[depth][bands > 2], xres=xres, yres=yres)
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    # libvips' name; its other field for IPTC alone writes a wrong length.
    resources = {"JPEG": ("iptc", PREFIX + (metadata.iptc or b"")), "TIFF": ("photoshop", metadata.iptc)}
    wrapped = [resources[kind]] if metadata.iptc and kind in resources else []
    says_itself = kind == "PNG" and chunks.of_color(metadata.chunks)
    icc = None if says_itself else metadata.icc
    for name, blob in (("icc-profile", icc), ("xmp", metadata.xmp), *wrapped):
        if blob:
            image.set_type(pyvips.GValue.blob_type, f"{name}-data", blob)
    return image


def _native_to_vips(picture: Pixels, kind: str) -> Any:
    """Return the libvips image of a picture in CMYK or L*a*b*."""
    native = picture.metadata.native
    assert native is not None
    pixels = native.changed(picture.pixels[..., :3])
    metadata = replace(picture.metadata, icc=native.icc, native=None)
    image = _to_vips(_Other(pixels, metadata), kind)
    return image.copy(interpretation="cmyk") if native.space == "cmyk" else image


class _Other(NamedTuple):
    """Pixels, (H, W, C), that replace a picture's, in the form stored in a file."""

    pixels: NDArray[Any]
    metadata: Metadata


def _encode(kind: str, picture: Pixels, quality: int) -> Any:
    if kind == "TIFF":
        return encode_tiff(picture, big=picture.pixels.nbytes > BIG_TIFF)
    image = (_native_to_vips if _in_native(kind, picture) else _to_vips)(picture, kind)
    if kind == AVIF.name:
        return _encode_avif(image, picture, quality)
    if kind == "JPEG":
        jpeg = image.jpegsave_buffer(Q=quality, subsample_mode="off", keep=_KEPT)
        return with_jfif(jpeg, picture.metadata.resolution)
    if kind == "PNG":
        return image.pngsave_buffer(filter="up", compression=DEFLATE, keep=_KEPT)
    assert kind == "WebP", f"There is no encoder of {kind}."
    lossless = _is_lossless(kind, picture)  # with the colors under transparent pixels
    return image.webpsave_buffer(Q=quality, lossless=lossless, exact=lossless, keep=_KEPT)


def _encode_avif(image: Any, picture: Pixels, quality: int) -> Any:
    metadata = picture.metadata
    if metadata.exif:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "exif-data", b"Exif\0\0" + metadata.exif)
    bits = 8 if picture.pixels.dtype == np.uint8 else metadata.bits or AVIF.bits
    return image.heifsave_buffer(
        compression="av1", Q=quality, bitdepth=bits, subsample_mode="off", effort=4, keep=_KEPT | 1
    )


def encode_tiff(picture: Pixels, *, big: bool) -> Any:
    """Return the bytes of a TIFF file without EXIF; `big` makes a BigTIFF, for more than 4 GB."""
    predictor = "float" if picture.pixels.dtype == np.float32 else "horizontal"
    associated = picture.metadata.associated and picture.pixels.shape[2] in WITH_ALPHA
    native = picture.metadata.native if _in_native("TIFF", picture) else None
    if native:
        image = _native_to_vips(picture, "TIFF")
    elif associated:
        image = _to_vips(_Other(multiplied(picture.pixels), picture.metadata), "TIFF")
    else:
        image = _to_vips(picture, "TIFF")
    data = image.tiffsave_buffer(
        compression="deflate", level=DEFLATE, predictor=predictor, bigtiff=big, keep=_KEPT
    )
    if native and native.space != "cmyk":
        return with_tag(data, PHOTOMETRIC, next(tag for tag, space in LAB.items() if space == native.space))
    return with_tag(data, EXTRA_SAMPLES, _ASSOCIATED) if associated else data
