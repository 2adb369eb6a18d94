"""Between a video's frames and RGB pictures.

A frame is never converted to RGB and back: it is moved by what the change of the RGB picture means in its own
color space, so that whatever does not change stays as it was, bit for bit.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..imaging import Metadata, Picture
from ..imaging.depth import full_scale
from ..imaging.geometry import Window

# Code points of ITU-T H.273.
_RGB, _UNSPECIFIED = 0, 2
_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""The shares of red and blue in luma, by the matrix coefficients."""
_HD = 720  # rows from which on an unspecified matrix is BT.709's, as players have it
_PQ, _HLG = 16, 18  # transfer functions
_FULL = 2  # range, as FFmpeg numbers it
_PLANAR = re.compile(r"(yuvj?a?4\d\d|yuva4\d\d|gbra?|gray)(p?)(\d*)(le)?$")
_PACKED = {
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "p010le": "yuv420p10le",
    "p210le": "yuv422p10le",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
}


def planar(frame: Any) -> Any:
    """The same frame (`av.VideoFrame`) with a plane for each component; loses nothing.

    Raises:
        PictureError: Its pixel format or its matrix is none that is known here.
    """
    name = frame.format.name
    if not _PLANAR.match(name):
        frame = _reformatted(frame, _planar_name(frame.format))
    if not _is_rgb(frame) and not _is_gray(frame) and frame.colorspace not in (*_WEIGHTS, _UNSPECIFIED, 0):
        raise PictureError(
            f"The video's colors use the matrix {int(frame.colorspace)} of H.273, which is not known here; "
            "convert it to BT.709 first."
        )
    return frame


def _planar_name(layout: Any) -> str:
    if layout.name in _PACKED:
        return _PACKED[layout.name]
    bits = max(part.bits for part in layout.components)
    if layout.name.endswith("be") and _PLANAR.match(name := f"{layout.name[:-2]}le"):
        return name
    if layout.is_rgb or layout.has_palette:
        alpha = "a" if len(layout.components) == 4 else ""
        return f"gbr{alpha}p" + ("" if bits <= 8 else "16le")
    raise PictureError(
        f"The video's pixel format, {layout.name}, is not read; convert it to yuv420p or another planar one."
    )


def to_picture(frame: Any, *, alpha: bool = False) -> Picture:
    """The frame as RGB, in 8 or 16 bits; with its alpha, if that is asked for and there is one."""
    deep = bits_of(frame.format) > 8
    with_alpha = alpha and has_alpha(frame.format)
    name = f"rgb{'a' if with_alpha else ''}{'64le' if with_alpha else '48le'}" if deep else "rgb24"
    name = "rgba" if with_alpha and not deep else name
    pixels = _reformatted(frame, name).to_ndarray()
    points = int(frame.color_primaries), int(frame.color_trc)
    hdr = (*points, 0, 1) if points[1] in (_PQ, _HLG) else None
    return Picture(pixels, Metadata(hdr=hdr, bits=None))


def to_matte(frame: Any) -> NDArray[Any]:
    """The brightness (H,W) of a planar frame, full range, uint8 or uint16."""
    bits = bits_of(frame.format)
    if _is_rgb(frame):
        pixels = _reformatted(frame, "rgb48le" if bits > 8 else "rgb24").to_ndarray()
        return np.ascontiguousarray(pixels[..., 1])  # of a gray frame, every channel is the brightness
    kind = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    top = (1 << bits) - 1
    black, white = (0, top) if _is_full(frame) else (16 << (bits - 8), 235 << (bits - 8))
    levels = (np.arange(top + 1) - black) * (full_scale(kind) / (white - black))
    return np.rint(levels.clip(0, full_scale(kind))).astype(kind).take(_plane(frame, 0), mode="clip")


def to_alpha(frame: Any) -> NDArray[Any]:
    """The alpha (H,W) of a frame that has one, full range, uint8 or uint16."""
    plane, bits = _plane(frame, len(frame.planes) - 1), bits_of(frame.format)
    if bits in (8, 16):
        return plane.copy()
    return np.rint(plane * (65535 / ((1 << bits) - 1))).astype(np.uint16)


def small(frame: Any, step: int) -> NDArray[np.uint8]:
    """The frame as RGB, about one pixel of `step`×`step`, (h,w,3)."""
    size = {"width": max(frame.width // step, 1), "height": max(frame.height // step, 1)}
    return _reformatted(frame, "rgb24", interpolation="AREA", **size).to_ndarray()


def has_alpha(layout: Any) -> bool:
    """Whether a pixel format has alpha."""
    return len(layout.components) in (2, 4) and "a" in layout.name.replace("gray", "")


def bits_of(layout: Any) -> int:
    """Bits of a component."""
    return max(part.bits for part in layout.components)


def move(frame: Any, before: NDArray[Any], after: NDArray[Any], area: Window) -> None:
    """Change a planar frame, in place, as an RGB picture of it changed.

    Args:
        frame: `av.VideoFrame`, as from `planar`.
        before: (H,W,3) what `to_picture` made of it, uint8 or uint16.
        after: (H,W,3) what that became.
        area: Where both differ.
    """
    frame.make_writable()
    layout, bits = frame.format, bits_of(frame.format)
    across, down = _step(layout.chroma_width), _step(layout.chroma_height)
    area = Window(
        area.top // down * down,
        area.left // across * across,
        min(-(-area.bottom // down) * down, frame.height),
        min(-(-area.right // across) * across, frame.width),
    )
    scale = np.float32(1 / full_scale(before.dtype))
    change = np.subtract(after[area.slices], before[area.slices], dtype=np.float32) * scale
    top = (1 << bits) - 1
    if _is_rgb(frame):
        for number, channel in enumerate((1, 2, 0)):
            _add(_plane(frame, number), area, change[..., channel] * top, top)
        return
    luma, chroma = (top, top) if _is_full(frame) else (219 << (bits - 8), 224 << (bits - 8))
    red, blue = _weights(frame)
    light = red * change[..., 0] + (1 - red - blue) * change[..., 1] + blue * change[..., 2]
    _add(_plane(frame, 0), area, light * luma, top)
    if _is_gray(frame):
        return
    coarse = Window(area.top // down, area.left // across, -(-area.bottom // down), -(-area.right // across))
    for number, channel, share in ((1, 2, blue), (2, 0, red)):
        colored = (change[..., channel] - light) / np.float32(2 * (1 - share))
        _add(_plane(frame, number), coarse, _averaged(colored, down, across) * chroma, top)


def _add(plane: NDArray[Any], area: Window, change: NDArray[np.float32], top: int) -> None:
    part = plane[area.slices]
    part[:] = np.rint(part + change).clip(0, top)


def _averaged(values: NDArray[np.float32], down: int, across: int) -> NDArray[np.float32]:
    """The mean of each `down`×`across` values."""
    if (down, across) == (1, 1):
        return values
    rows, columns = -values.shape[0] % down, -values.shape[1] % across
    if rows or columns:
        values = np.pad(values, ((0, rows), (0, columns)), mode="edge")
    parts = [values[row::down, column::across] for row in range(down) for column in range(across)]
    return np.add.reduce(parts) / np.float32(len(parts))


def _plane(frame: Any, number: int) -> NDArray[Any]:
    """A plane of the frame (h,w), to read and to write."""
    plane = frame.planes[number]
    kind = np.dtype(np.uint8 if bits_of(frame.format) <= 8 else np.uint16)
    rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
    return rows[: plane.height, : plane.width]


def _step(chroma: Any) -> int:
    """Pixels to one of chroma."""
    return int(16 // chroma(16)) if chroma(16) else 1


def _weights(frame: Any) -> tuple[float, float]:
    matrix = int(frame.colorspace)
    return _WEIGHTS.get(matrix) or _WEIGHTS[1 if frame.height >= _HD else 6]


def _reformatted(frame: Any, name: str, **more: Any) -> Any:
    """`reformat` by the frame's own matrix and range, or by those that are meant where none is said."""
    matrix = frame.colorspace
    if not _is_rgb(frame) and not _is_gray(frame) and int(matrix) in (_RGB, _UNSPECIFIED):
        frame.colorspace = 1 if frame.height >= _HD else 6
    try:
        return frame.reformat(format=name, threads=1, **more)
    finally:
        frame.colorspace = matrix


def _is_rgb(frame: Any) -> bool:
    return bool(frame.format.is_rgb) or bool(frame.format.has_palette)


def _is_full(frame: Any) -> bool:
    """Whether black and white are the ends of the range."""
    return int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj") or _is_gray(frame)


def _is_gray(frame: Any) -> bool:
    return str(frame.format.name).startswith("gray")
