"""OpenEXR: linear light in 16-bit or 32-bit floats, and channels other than colors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError, needs
from . import profiles
from .formats import EXR
from .metadata import Metadata

Floats = NDArray[np.float32]

_PRINTING = Lock()


@dataclass(frozen=True, eq=False)
class ExrRest:
    """The content of an OpenEXR file besides its colors.

    Attributes:
        header: Its attributes, except for the list of channels.
        channels: The values (H, W) of each channel, by name.
        half: Whether the colors were stored in 16 bits.
    """

    header: dict[str, Any]
    channels: dict[str, NDArray[Any]]
    half: bool


def read(stream: BinaryIO, name: str, check: Callable[[int, int, int, int], None]) -> tuple[Floats, Metadata]:
    """Read the colors (H, W, 1 to 4) and the metadata of an OpenEXR file; see `decoders.decode`."""
    with needs("exr", f"{name} is an OpenEXR file, and reading it"):
        import OpenEXR
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())  # the library reads files only by name
        path = Path(folder, "picture.exr")
        path.write_bytes(stream.read())
        stack.enter_context(_quiet())
        header = OpenEXR.File(str(path), header_only=True)
        if len(header.parts) != 1 or header.header()["type"] not in (
            OpenEXR.scanlineimage,
            OpenEXR.tiledimage,
        ):
            raise PictureError(
                f"{name} has several parts or deep pixels; save the part you want as a separate file."
            )
        (left, top), (right, bottom) = header.header()["dataWindow"]
        width, height = int(right) - int(left) + 1, int(bottom) - int(top) + 1
        check(width, height, max(len(header.header()["channels"]), 4), 4)
        whole = OpenEXR.InputFile(str(path))  # raises errors that `File` prints on stdout
        stack.callback(whole.close)
        whole.channels([each.name for each in header.header()["channels"]])
        file = OpenEXR.File(str(path), separate_channels=True)
    planes = {channel: each.pixels for channel, each in file.channels().items()}
    for colors in ("RGBA", "RGB", "YA", "Y"):
        if set(colors) <= set(planes):
            break
    else:
        raise PictureError(f"{name} has neither channels R, G and B nor Y; rename the color channels.")
    chosen = [planes[channel] for channel in colors]
    if any(plane.shape != (height, width) or plane.dtype.kind != "f" for plane in chosen):
        raise PictureError(
            f"{name} stores its colors as integers or subsampled; save them as floats at full resolution."
        )
    pixels = np.stack([plane.astype(np.float32) for plane in chosen], axis=-1)
    rest = {channel: plane for channel, plane in planes.items() if channel not in colors}
    half = all(plane.dtype == np.float16 for plane in chosen)
    kept = ExrRest({key: value for key, value in file.header().items() if key != "channels"}, rest, half)
    xmp = kept.header.pop("xmp", None)
    packet = xmp.encode() if isinstance(xmp, str) else None
    return pixels, Metadata(icc=_profile(file.header()), xmp=packet, format=EXR.name, exr=kept)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress messages of the library on stderr, which it also raises as errors."""
    with _PRINTING:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def _profile(header: dict[str, Any]) -> bytes:
    """Make a profile of linear light with the file's primaries, or those of sRGB."""
    given = header.get("chromaticities")
    if given is None:
        return profiles.linear_srgb()
    values = np.asarray(given, dtype=float).ravel()
    points = [(float(values[i]), float(values[i + 1])) for i in range(0, 8, 2)]
    return profiles.make(points[:3], points[3], 1.0)


def encode(pixels: Floats, metadata: Metadata) -> bytes:
    """Encode a file; see `encoders.encode`."""
    import OpenEXR

    rest = metadata.exr if isinstance(metadata.exr, ExrRest) else ExrRest({}, {}, half=False)
    values = pixels.astype(np.float16) if rest.half else pixels
    colors = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    planes = {name: np.ascontiguousarray(values[..., place]) for place, name in enumerate(colors)}
    # A tiled file with one level is written in scan lines.
    header = {
        name: value for name, value in rest.header.items() if name not in ("tiles", "type", "chunkCount")
    }
    header = {"compression": OpenEXR.ZIP_COMPRESSION, **header, "type": OpenEXR.scanlineimage}
    if metadata.xmp:
        header["xmp"] = metadata.xmp.decode(errors="replace").rstrip("\0")
    with TemporaryDirectory() as folder:  # the library writes files only by name
        path = Path(folder, "picture.exr")
        OpenEXR.File(header, {**planes, **rest.channels}).write(str(path))
        return path.read_bytes()
