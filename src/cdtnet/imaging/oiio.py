"""JPEG XL and JPEG 2000 of more than 8 bits, by OpenImageIO."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ..errors import needs
from .formats import JXL

_PROFILE = "ICCProfile"


def read(data: bytes, suffix: str, extra: str, what: str) -> tuple[NDArray[np.uint16], bytes | None]:
    """Read the pixels, (H, W, 1 to 4) over the full range, and the ICC profile of a file of integers.

    Args:
        data: The content of the file.
        suffix: The suffix of the format.
        extra: The extra that installs the library.
        what: The subject of the message if the library is missing.

    Raises:
        ValueError: The library cannot read it.
        CdtnetError: The library is not installed; the message names the extra.
    """
    with needs(extra, what):
        import OpenImageIO
    with TemporaryDirectory() as folder:  # the library reads files only by name
        path = Path(folder, f"picture{suffix}")
        path.write_bytes(data)
        wishes = OpenImageIO.ImageSpec()
        wishes.attribute("oiio:UnassociatedAlpha", 1)
        source = OpenImageIO.ImageInput.open(str(path), wishes)
        if source is None:
            raise ValueError(OpenImageIO.geterror())
        pixels = source.read_image("uint16")
        if pixels is None or source.has_error:
            raise ValueError(source.geterror())
        profile = source.spec().getattribute(_PROFILE)
        source.close()
    return pixels, None if profile is None else np.asarray(profile, np.uint8).tobytes()


def encode_jxl(pixels: NDArray[np.uint16], icc: bytes | None, boxes: dict[bytes, bytes]) -> bytes:
    """Encode a lossless JPEG XL file.

    Args:
        pixels: (H, W, 1, 3 or 4).
        icc: The profile.
        boxes: The contents of further boxes, by name.

    Raises:
        ValueError: The library refuses the picture.
    """
    data = encode(JXL.suffix, pixels, icc)
    if not data.startswith(_SIGNATURE):
        data = _SIGNATURE + _box(b"ftyp", b"jxl \0\0\0\0jxl ") + _box(b"jxlc", data)
    return data + b"".join(_box(name, content) for name, content in boxes.items())


def encode(suffix: str, pixels: NDArray[np.uint16], icc: bytes | None = None, bits: int = 16) -> bytes:
    """Encode a lossless file by OpenImageIO; see `encode_jxl`."""
    import OpenImageIO

    height, width, channels = pixels.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, "uint16")
    spec.attribute("compression", "jpegxl:100")
    spec.attribute("jpegxl:effort", 5)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("oiio:BitsPerSample", bits)
    if icc:
        spec.attribute(_PROFILE, OpenImageIO.TypeDesc(f"uint8[{len(icc)}]"), np.frombuffer(icc, np.uint8))
    with TemporaryDirectory() as folder:
        path = Path(folder, f"picture{suffix}")
        target = OpenImageIO.ImageOutput.create(str(path))
        if target is None:
            raise ValueError(OpenImageIO.geterror())
        if not (target.open(str(path), spec) and target.write_image(pixels) and target.close()):
            raise ValueError(target.geterror())
        return path.read_bytes()


def _box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + name + content


_SIGNATURE = _box(b"JXL ", b"\r\n\x87\n")
