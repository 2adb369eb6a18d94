"""Formats that libvips' wheel does not read: HEIC, JPEG XL and OpenEXR by extras, others by Pillow.

Size and depth are checked in the header before decoding.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError, needs
from . import exr, oiio, profiles
from .exif import upright
from .formats import EXR, HEIC, JP2, JXL, PNM, TGA
from .metadata import Metadata
from .picture import Picture

Check = Callable[[int, int, int, int], None]
"""A function that refuses pictures that are too large, by width, height, channels and bytes per value."""

_PILLOW = {"BMP": "BMP", PNM.name: "PPM", TGA.name: "TGA", JP2.name: "JPEG2000"}
KINDS = (HEIC.name, JXL.name, EXR.name, *_PILLOW)
_PNM_HEADER = re.compile(rb"P([56])(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s")
_NAMELESS = re.compile(r" <_io\.[^>]*>")  # how libraries print files without a name
_PATIENCE = 120.0  # time limit in seconds for decoding a JPEG XL file
_LIBRARY_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    RuntimeError,
    TypeError,
    struct.error,
    MemoryError,
)


def decode(kind: str, stream: BinaryIO, name: str, check: Check) -> Picture:
    """Decode a file.

    Args:
        kind: One of `KINDS`.
        stream: The file.
        name: Its name in messages.
        check: Called with the size before pixels are decoded.

    Raises:
        PictureError: The file is damaged or of an unsupported kind.
        CdtnetError: The library is not installed; the message names the extra.
    """
    stream.seek(0)
    reader = {HEIC.name: _heic, JXL.name: _jxl, EXR.name: _exr}.get(kind)
    with _explained(name, kind):
        return reader(stream, name, check) if reader else _pillow(kind, stream, name, check)


def decoded_bytes(kind: str, stream: BinaryIO) -> int:
    """Return the memory in bytes that the decoded pixels of a file take, by its header.

    Raises:
        CdtnetError: As from `decode`.
    """

    def measure(width: int, height: int, channels: int, size: int) -> None:
        raise _MeasuredError(width * height * channels * size)

    try:
        decode(kind, stream, "", measure)
    except _MeasuredError as measured:
        return measured.nbytes
    return 0


class _MeasuredError(Exception):
    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


@contextmanager
def _explained(name: str, kind: str) -> Iterator[None]:
    try:
        yield
    except _LIBRARY_ERRORS as error:
        words = _NAMELESS.sub("", " ".join(str(error).split()))[:200] or type(error).__name__
        raise PictureError(
            f"{name} is damaged, incomplete or of a kind of {kind} that cannot be read ({words}); "
            "save it again from its source."
        ) from error


def _heic(stream: BinaryIO, name: str, check: Check) -> Picture:
    with needs("heif", f"{name} is a HEIC file, and reading it"):
        import pillow_heif
    pillow_heif.options.DECODE_THREADS = 2
    file = pillow_heif.open_heif(stream, convert_hdr_to_8bit=False)
    image, info = file[file.primary_index], file.info
    width, height = image.size
    deep = int(info.get("bit_depth") or 8)
    check(width, height, len(image.mode.split(";")[0]), 1 if deep == 8 else 2)
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if image.mode.split(";")[0] in ("RGBa", "La"):
        raise PictureError(
            f"{name} has colors multiplied by alpha, which is not supported; save it as PNG first."
        )
    exif = info.get("exif")
    icc, points = info.get("icc_profile"), _nclx(info.get("nclx_profile"))
    made = None
    if icc is None and points is not None and not profiles.is_hdr(points):
        made = profiles.of_code_points(points)
    left = []
    if len(file) > 1 or info.get("aux"):
        left.append(
            "The file's other pictures or its HDR gain map would not fit the changed one and are left out."
        )
    metadata = Metadata(
        icc=icc or made,
        exif=_upright(exif),
        xmp=info.get("xmp") or None,
        lossless=False,
        format=HEIC.name,
        bits=deep if deep > 8 else None,
        hdr=points if icc is None and points is not None and profiles.is_hdr(points) else None,
        left_out=tuple(left),
    )
    return Picture(filled(pixels, deep), metadata)


def _upright(exif: bytes | None) -> bytes | None:
    return upright(exif.removeprefix(b"Exif\0\0")) if exif else None


def _nclx(given: Any) -> profiles.CodePoints | None:
    if not given:
        return None
    return int(given["color_primaries"]), int(given["transfer_characteristics"]), 0, 1


def filled(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Stretch values of 9 to 15 bits, stored in the upper bits of 16, to the full range."""
    return pixels if bits in (8, 16) else pixels | pixels >> bits


def _jxl(stream: BinaryIO, name: str, check: Check) -> Picture:
    with needs("jxl", f"{name} is a JPEG XL file, and reading it"):
        import pylibjxl
    data = stream.read()
    head = pylibjxl.probe(data)
    if head["have_animation"]:
        raise PictureError(f"{name} is animated; save the frame you want as a separate file.")
    if head["exponent_bits_per_sample"] or head["bits_per_sample"] > 16:
        raise PictureError(
            f"{name} holds floats, or more than 16 bits a channel; save it as TIFF or OpenEXR."
        )
    deep = head["bits_per_sample"] > 8
    check(head["width"], head["height"], head["channels"], 3 if deep else 1)
    pixels: NDArray[Any]
    pixels, boxes = pylibjxl.decode(data, metadata=True, timeout=_PATIENCE)
    exif, icc = boxes.get("exif"), boxes.get("icc")
    if deep:
        pixels, icc = oiio.read(
            data, JXL.suffix, JXL.extra, f"{name} holds more than 8 bits a channel, and reading it"
        )
    metadata = Metadata(
        icc=icc,
        exif=_upright(exif),
        xmp=boxes.get("xmp"),
        lossless=False,
        format=JXL.name,
    )
    return Picture(pixels[..., None] if pixels.ndim == 2 else pixels, metadata)


def _pillow(kind: str, stream: BinaryIO, name: str, check: Check) -> Picture:
    if kind == PNM.name and (decoded := _deep_pnm(stream, check)):
        return decoded
    stream.seek(0)
    from PIL import Image

    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check` has its own limit
        try:
            image = stack.enter_context(Image.open(stream, formats=(_PILLOW[kind],)))
        except Image.DecompressionBombError as error:
            raise PictureError(
                f"{name} has more pixels than the limit for {kind} files; save it as PNG or TIFF."
            ) from error
        deep = kind == JP2.name and jp2_bits(stream) > 8
        check(*image.size, len(image.getbands()), 2 if deep or image.mode.startswith("I") else 1)
        if deep:
            return _deep_jp2(stream, name)
        return _of_pillow(image, kind, name)


def _of_pillow(image: Any, kind: str, name: str) -> Picture:
    image.load()
    if image.mode in ("1", "P"):
        image = image.convert("L" if image.mode == "1" else "RGBA" if "transparency" in image.info else "RGB")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "I;16"):
        raise PictureError(f"{name} has pixels of the kind {image.mode}; convert it to gray or RGB first.")
    pixels = np.asarray(image)
    exif, xmp = image.info.get("exif"), image.info.get("xmp")
    metadata = Metadata(
        icc=image.info.get("icc_profile") or None,
        exif=_upright(exif),
        xmp=xmp if isinstance(xmp, bytes) else None,
        format=kind,
    )
    return Picture(pixels[..., None] if pixels.ndim == 2 else pixels, metadata)


def _deep_jp2(stream: BinaryIO, name: str) -> Picture:
    stream.seek(0)
    what = f"{name} holds more than 8 bits a channel, and reading it"
    pixels, icc = oiio.read(stream.read(), JP2.suffix, "jp2", what)
    return Picture(pixels, Metadata(icc=icc, format=JP2.name))


def jp2_bits(stream: BinaryIO) -> int:
    """Return the bits per channel of a JPEG 2000 file by the header of its codestream; 0 without one."""
    stream.seek(0)
    data = stream.read(1 << 16)
    place = data.find(b"\xff\x4f\xff\x51")
    return max((depth & 0x7F) + 1 for depth in data[place + 42 : place + 43] or b"\0") if place >= 0 else 0


def _deep_pnm(stream: BinaryIO, check: Check) -> Picture | None:
    """Read a 16-bit PGM or PPM file, which Pillow would reduce; None for other files."""
    header = _PNM_HEADER.match(stream.read(4096))
    if header is None or len(header[2]) > 9 or len(header[3]) > 9 or int(header[4][:6]) < 256:
        return None
    channels = 1 if header[1] == b"5" else 3
    width, height, most = int(header[2]), int(header[3]), int(header[4][:6])
    if most > 65535 or not width or not height:
        raise ValueError("its header is invalid")
    check(width, height, channels, 2)
    stream.seek(header.end())
    size = width * height * channels * 2
    data = stream.read(size)
    if len(data) < size:
        raise ValueError("it is truncated")
    values = np.frombuffer(data, ">u2").reshape(height, width, channels).astype(np.uint16)
    if most != 65535:
        values = np.rint(values.clip(0, most) * (65535 / most)).astype(np.uint16)
    return Picture(values, Metadata(format=PNM.name))


def _exr(stream: BinaryIO, name: str, check: Check) -> Picture:
    return Picture(*exr.read(stream, name, check))
