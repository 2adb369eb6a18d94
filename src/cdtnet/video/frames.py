"""Convert frames of a video to RGB, and apply changes of RGB to frames.

A frame is not converted to RGB and back. The change of the RGB picture is converted to the color space of the
frame and added, so that unchanged pixels stay bit-identical.
"""

from __future__ import annotations

import re
from typing import Any

import cv2
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
"""The weights of red and blue in luma, by the code of the matrix."""
_HD = 720  # rows from which players take an unspecified matrix as BT.709
_PQ, _HLG = 16, 18  # transfer functions
_FULL = 2  # FFmpeg's number of the full range
GRID = 16  # pixels; edges of windows are multiples of it, so that they lie between samples of chroma
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
    """Convert a frame (`av.VideoFrame`) to a planar pixel format without loss.

    Raises:
        PictureError: Its pixel format or its matrix is not supported.
    """
    name = frame.format.name
    if not _PLANAR.match(name):
        frame = _reformatted(frame, _planar_name(frame.format))
    if not _has_no_matrix(frame) and frame.colorspace not in (*_WEIGHTS, _UNSPECIFIED, 0):
        raise PictureError(
            f"The video's colors use the matrix {int(frame.colorspace)} of H.273, which is not supported; "
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
        f"The video's pixel format {layout.name} is not supported; convert it to a planar one, e.g. yuv420p."
    )


def to_picture(frame: Any, *, alpha: bool = False) -> Picture:
    """Convert a frame to RGB of 8 or 16 bits, with its alpha if requested and present."""
    deep = bits_of(frame.format) > 8
    with_alpha = alpha and has_alpha(frame.format)
    name = f"rgb{'a' if with_alpha else ''}{'64le' if with_alpha else '48le'}" if deep else "rgb24"
    name = "rgba" if with_alpha and not deep else name
    pixels = _reformatted(frame, name).to_ndarray()
    points = int(frame.color_primaries), int(frame.color_trc)
    hdr = (*points, 0, 1) if points[1] in (_PQ, _HLG) else None
    return Picture(pixels, Metadata(hdr=hdr, bits=None))


def cropped(frame: Any, window: Window) -> Any:
    """Copy a window of a planar frame (`av.VideoFrame`).

    Args:
        frame: As from `planar`.
        window: Its edges are multiples of `GRID`, or edges of the frame.
    """
    import av

    (height, width), name = window.size, frame.format.name
    part = av.VideoFrame(width, height, name)
    for tag in ("color_range", "color_primaries", "color_trc"):
        setattr(part, tag, getattr(frame, tag))
    part.colorspace = frame.colorspace if _has_no_matrix(frame) else _matrix(frame)
    for number, (plane, whole) in enumerate(zip(part.planes, frame.planes, strict=True)):
        top = window.top // -(-frame.height // whole.height)
        left = window.left // -(-frame.width // whole.width)
        here = Window(top, left, top + plane.height, left + plane.width)
        _plane(part, number)[:] = _plane(frame, number)[here.slices]
    return part


def to_matte(frame: Any) -> NDArray[Any]:
    """Return the brightness (H,W) of a planar frame, full range, uint8 or uint16."""
    bits = bits_of(frame.format)
    if _is_rgb(frame):
        pixels = _reformatted(frame, "rgb48le" if bits > 8 else "rgb24").to_ndarray()
        return np.ascontiguousarray(pixels[..., 1])  # of a gray frame, every channel is the brightness
    kind = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    black, white = (0, (1 << bits) - 1) if _is_full(frame) else (16 << (bits - 8), 235 << (bits - 8))
    scale, plane = full_scale(kind) / (white - black), _plane(frame, 0)
    return np.asarray(cv2.addWeighted(plane, scale, plane, 0, -scale * black)).reshape(plane.shape)


def to_alpha(frame: Any) -> NDArray[Any]:
    """Return the alpha (H,W) of a frame that has one, full range, uint8 or uint16."""
    plane, bits = _plane(frame, len(frame.planes) - 1), bits_of(frame.format)
    if bits in (8, 16):
        return plane.copy()
    return np.rint(plane * (65535 / ((1 << bits) - 1))).astype(np.uint16)


def small(frame: Any, step: int) -> NDArray[np.uint8]:
    """Convert a frame to RGB (h,w,3), reduced by `step`."""
    size = {"width": max(frame.width // step, 1), "height": max(frame.height // step, 1)}
    return _reformatted(frame, "rgb24", interpolation="AREA", **size).to_ndarray()


def has_alpha(layout: Any) -> bool:
    """Check whether a pixel format has alpha."""
    return len(layout.components) in (2, 4) and "a" in layout.name.replace("gray", "")


def bits_of(layout: Any) -> int:
    """Return the bits of each component."""
    return max(part.bits for part in layout.components)


def move(frame: Any, before: NDArray[Any], after: NDArray[Any], area: Window) -> None:
    """Apply the change of an RGB picture to its planar frame, in place.

    Args:
        frame: `av.VideoFrame`, as from `planar`.
        before: The area as returned by `to_picture`, (h,w,3), uint8 or uint16.
        after: The changed area, (h,w,3).
        area: Its position; the edges are multiples of `GRID`, or edges of the frame.
    """
    frame.make_writable()
    change = cv2.subtract(after, before, dtype=cv2.CV_32F)
    for number, weights in enumerate(_to_planes(frame) / full_scale(before.dtype)):
        _add(frame, number, area, cv2.transform(change, weights[None]).reshape(area.size))


def _to_planes(frame: Any) -> NDArray[np.float32]:
    """Return the matrix (planes,3) from RGB, 0..1, to levels of each plane, without offsets."""
    bits = bits_of(frame.format)
    top = (1 << bits) - 1
    if _is_rgb(frame):
        return np.eye(3, dtype=np.float32)[[1, 2, 0]] * np.float32(top)
    luma, chroma = (top, top) if _is_full(frame) else (219 << (bits - 8), 224 << (bits - 8))
    red, blue = _weights(frame)
    light = np.array([red, 1 - red - blue, blue])
    rows = [luma * light]
    if not _is_gray(frame):
        rows += [
            chroma * (np.eye(3)[channel] - light) / (2 * (1 - share))
            for channel, share in ((2, blue), (0, red))
        ]
    return np.array(rows, np.float32)


def _add(frame: Any, number: int, area: Window, level: NDArray[Any]) -> None:
    """Add a level for each pixel of an area (h,w) to a plane."""
    layout, top = frame.format, (1 << bits_of(frame.format)) - 1
    has_chroma = number > 0 and not _is_rgb(frame)
    down, across = (_step(layout.chroma_height), _step(layout.chroma_width)) if has_chroma else (1, 1)
    part = Window(area.top // down, area.left // across, -(-area.bottom // down), -(-area.right // across))
    samples, kind = _plane(frame, number)[part.slices], cv2.CV_8U if top == 255 else cv2.CV_16U
    moved = cv2.add(samples, _averaged(level, down, across), dtype=kind).reshape(part.size)
    samples[:] = moved if top in (255, 65535) else np.minimum(moved, top)


def _averaged(values: NDArray[Any], down: int, across: int) -> NDArray[Any]:
    """Average blocks of `down`×`across` values (h,w)."""
    height, width = values.shape
    rows, columns = -height % down, -width % across
    if rows or columns:
        values = np.pad(values, ((0, rows), (0, columns)), mode="edge")
    size = values.shape[1] // across, values.shape[0] // down
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA).reshape(size[::-1])


def _plane(frame: Any, number: int) -> NDArray[Any]:
    """Return a writable view (h,w) of a plane."""
    plane = frame.planes[number]
    kind = np.dtype(np.uint8 if bits_of(frame.format) <= 8 else np.uint16)
    rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
    return rows[: plane.height, : plane.width]


def _step(chroma: Any) -> int:
    """Return the number of pixels for each sample of chroma."""
    return int(16 // chroma(16)) if chroma(16) else 1


def _weights(frame: Any) -> tuple[float, float]:
    return _WEIGHTS[_matrix(frame)]


def _matrix(frame: Any) -> int:
    """Return the code of the frame's matrix, or the default of its size if unspecified."""
    matrix = int(frame.colorspace)
    return matrix if matrix in _WEIGHTS else 1 if frame.height >= _HD else 6


def _has_no_matrix(frame: Any) -> bool:
    return _is_rgb(frame) or _is_gray(frame)


def _reformatted(frame: Any, name: str, **more: Any) -> Any:
    """Convert by the frame's matrix and range, or by their defaults if unspecified."""
    matrix = frame.colorspace
    if not _has_no_matrix(frame) and int(matrix) in (_RGB, _UNSPECIFIED):
        frame.colorspace = _matrix(frame)
    try:
        return frame.reformat(format=name, threads=1, **more)
    finally:
        frame.colorspace = matrix


def _is_rgb(frame: Any) -> bool:
    return bool(frame.format.is_rgb) or bool(frame.format.has_palette)


def _is_full(frame: Any) -> bool:
    """Check whether the frame has the full range."""
    return int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj") or _is_gray(frame)


def _is_gray(frame: Any) -> bool:
    return str(frame.format.name).startswith("gray")
