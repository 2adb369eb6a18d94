"""Encoders of the formats that need an extra: HEIC, JPEG XL and OpenEXR."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError, needs
from . import exr, oiio
from .formats import EXR, FORMATS, HEIC, JXL
from .metadata import Metadata

_LIBRARIES = {HEIC.name: ("pillow_heif",), JXL.name: ("OpenImageIO", "pylibjxl"), EXR.name: ("OpenEXR",)}
KINDS = tuple(_LIBRARIES)
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def encode(kind: str, pixels: NDArray[Any], metadata: Metadata, quality: int) -> bytes:
    """Return the bytes of a file, EXIF included.

    Args:
        kind: One of `KINDS`.
        pixels: (H, W, C) of a type that the format supports.
        metadata: The other content of the file.
        quality: 1 to 100.

    Raises:
        PictureError: The library refuses the picture.
        CdtnetError: The library is not installed; the message names the extra.
    """
    writer = {HEIC.name: _heic, JXL.name: _jxl, EXR.name: _exr}[kind]
    try:
        return writer(np.ascontiguousarray(pixels), metadata, quality)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise PictureError(
            f"The picture cannot be encoded as {kind} ({error}); try another format."
        ) from error


def check_installed(kind: str) -> None:
    """Check, before any work is done, whether a format can be written.

    Raises:
        CdtnetError: Its library is not installed; the message names the extra.
    """
    with needs(FORMATS[kind].extra, f"Writing {kind}"):
        for library in _LIBRARIES.get(kind, ()):
            import_module(library)


def _heic(pixels: NDArray[Any], metadata: Metadata, quality: int) -> bytes:
    import pillow_heif

    height, width, channels = pixels.shape
    if channels == 2:  # the encoder has no mode for it
        pixels, channels = pixels[..., [0, 0, 0, 1]], 4
    mode = _MODES[channels] + (";16" if pixels.dtype == np.uint16 else "")
    pillow_heif.options.SAVE_HDR_TO_12_BIT = metadata.bits != 10
    file = pillow_heif.from_bytes(mode, (width, height), pixels.tobytes())
    options: dict[str, Any] = {"quality": quality, "chroma": 444, "enc_params": {"preset": "ultrafast"}}
    if metadata.hdr is not None:
        primaries, transfer = metadata.hdr[:2]
        options |= {
            "color_primaries": primaries,
            "transfer_characteristics": transfer,
            "matrix_coefficients": 9,
            "full_range_flag": 1,
        }
    elif metadata.icc:
        file.info["icc_profile"], file.info["icc_profile_type"] = metadata.icc, "prof"
    stream = io.BytesIO()
    file.save(
        stream,
        exif=b"Exif\0\0" + metadata.exif if metadata.exif else None,
        xmp=metadata.xmp,
        **options,
    )
    return stream.getvalue()


def _jxl(pixels: NDArray[Any], metadata: Metadata, quality: int) -> bytes:
    import pylibjxl

    if pixels.shape[2] == 2:  # the encoder has no mode for it
        pixels = np.ascontiguousarray(pixels[..., [0, 0, 0, 1]])
    if pixels.dtype == np.uint16:
        exif = b"\0\0\0\0" + metadata.exif if metadata.exif else None  # offset of the block
        boxes = {name: box for name, box in ((b"Exif", exif), (b"xml ", metadata.xmp)) if box}
        return oiio.encode_jxl(pixels, metadata.icc, boxes)
    lossless = metadata.lossless or quality == 100
    # The conversion of JPEG quality in libjxl's own tools.
    distance = 0.1 + (100 - quality) * 0.09 if quality >= 30 else 53 / 3000 * quality**2 - 1.15 * quality + 25
    data: bytes = pylibjxl.encode(
        pixels[..., 0] if pixels.shape[2] == 1 else pixels,
        effort=5,
        distance=0.0 if lossless else distance,
        lossless=lossless,
        icc=metadata.icc,
        exif=metadata.exif,
        xmp=metadata.xmp,
    )
    return data


def _exr(pixels: NDArray[Any], metadata: Metadata, quality: int) -> bytes:
    return exr.encode(pixels, metadata)
