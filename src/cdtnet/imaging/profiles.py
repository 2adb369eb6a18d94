"""ICC profiles for files that define colors in other ways, and HDR signals.

The other ways are EXIF (Adobe RGB), PNG's gAMA and cHRM, the code points of cICP, and the chromaticities of
OpenEXR.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .icc import Shaper

Point = tuple[float, float]
"""A chromaticity, x and y."""
CodePoints = tuple[int, int, int, int]
"""Primaries, transfer function, matrix and full-range flag, with the numbers of ITU-T H.273."""

D65: Point = (0.3127, 0.3290)
_D50 = np.array([0.9642, 1.0, 0.8249])
_SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_PRIMARIES: dict[int, tuple[tuple[Point, Point, Point], Point]] = {
    1: (_SRGB, D65),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65),
    6: (((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), D65),
    9: (((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)), D65),
    12: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65),
}
_TRANSFERS = (1, 2, 4, 5, 6, 8, 13, 14, 15, 16, 18)
_UNSPECIFIED, _PQ, _HLG, _SRGB_CURVE = 2, 16, 18, 13
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_PQ_WHITE = 203 / 10000  # diffuse white as a share of the signal's full light (ITU-R BT.2408)
_STEPS = 65535


def given(profile: str | os.PathLike[str] | bytes) -> bytes:
    """Return the ICC profile that a caller gives as bytes or as a file.

    Raises:
        PictureError: The profile cannot be read, or is not an ICC profile.
    """
    name = "The given profile" if isinstance(profile, bytes) else str(profile)
    try:
        data = profile if isinstance(profile, bytes) else Path(profile).read_bytes()
    except (OSError, ValueError) as error:
        raise PictureError(f"{name} cannot be read; give the file of an ICC profile.") from error
    if len(data) < 132 or data[36:40] != b"acsp":
        raise PictureError(f"{name} is not an ICC profile; give one, such as a file that ends in .icc.")
    return data


def linear_srgb() -> bytes:
    """Make a profile of linear light with the primaries of sRGB."""
    return make(_SRGB, D65, 1.0)


def adobe_rgb() -> bytes:
    """Make a profile of Adobe RGB (1998)."""
    return make(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, 563 / 256)


def make(
    primaries: Sequence[Point] = _SRGB, white: Point = D65, curve: float | NDArray[np.float64] = 1.0
) -> bytes:
    """Make an ICC profile (version 2) of a curve and a matrix.

    Args:
        primaries: The chromaticities of red, green and blue.
        white: The white point.
        curve: The exponent from stored values to light, or light in 0..1 at equal steps of stored values.

    Raises:
        PictureError: The numbers define no color space.
    """
    matrix = _to_d50(primaries, white)
    if isinstance(curve, float):
        if not 0.1 <= curve <= 255:
            raise PictureError(f"The picture's gamma of {curve:g} is invalid; save it again from its source.")
        values = [] if curve == 1.0 else [round(curve * 256)]
    else:
        values = np.rint(curve.clip(0, 1) * _STEPS).astype(int).tolist()
    trc = b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)
    text = b"as the file describes it"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(_D50),
        **{name: _xyz(matrix[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
    }
    places = {name: tags[name] for name in tags} | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc)
    table, body, begun = b"", b"", 132 + 12 * len(places)
    known: dict[bytes, int] = {}
    for name, data in places.items():
        if data not in known:
            known[data] = begun + len(body)
            body += data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", known[data], len(data))
    head = b"none\x02\x10\0\0mntrRGB XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += _xyz(_D50)[8:] + bytes(48)
    return (
        struct.pack(">I", 4 + len(head) + 4 + len(table) + len(body))
        + head
        + struct.pack(">I", len(places))
        + table
        + body
    )


def of_code_points(points: CodePoints) -> bytes | None:
    """Make the profile of code points; None for sRGB or unspecified ones.

    Raises:
        PictureError: The code points are not among the supported ones.
    """
    primaries, transfer = _known(points)
    if primaries in (1, _UNSPECIFIED) and transfer in (_SRGB_CURVE, _UNSPECIFIED, 1, 6):
        return None  # photo software displays the video curve as sRGB's
    grid = np.linspace(0, 1, 4096)
    curves: dict[int, float | NDArray[np.float64]] = {4: 563 / 256, 5: 2.8, 8: 1.0}
    srgb = np.where(grid > 0.04045, ((grid + 0.055) / 1.055) ** 2.4, grid / 12.92)
    points_of, white = _PRIMARIES.get(primaries, _PRIMARIES[1])
    return make(points_of, white, curves.get(transfer, srgb))


def is_hdr(points: CodePoints) -> bool:
    """Check whether the signal is PQ or HLG, in which white is not the largest value."""
    return points[1] in (_PQ, _HLG)


def hdr_shaper(points: CodePoints) -> Shaper:
    """Return the color space of an HDR signal; light brighter than diffuse white counts as white."""
    primaries, transfer = _known(points)
    grid = np.linspace(0, 1, _STEPS + 1)
    to_light, from_light = (_pq, _pq_inverse) if transfer == _PQ else (_hlg, _hlg_inverse)
    white = _PQ_WHITE if transfer == _PQ else float(_hlg(np.array(0.75)))
    curve = (to_light(grid) / white).clip(0, 1).astype(np.float32)
    inverse = from_light(grid**2 * white).astype(np.float32)
    matrix = _to_d50(*_PRIMARIES.get(primaries, _PRIMARIES[1]))
    return Shaper(np.stack([curve] * 3), np.stack([inverse] * 3), matrix, np.linalg.inv(matrix))


def _known(points: CodePoints) -> tuple[int, int]:
    primaries, transfer = points[:2]
    if primaries not in (*_PRIMARIES, _UNSPECIFIED) or transfer not in _TRANSFERS:
        raise PictureError(
            f"The picture's colors are described by the code points {primaries} and {transfer}, which are "
            "not supported; convert it to sRGB."
        )
    return primaries, transfer


def _to_d50(primaries: Sequence[Point], white: Point) -> NDArray[np.float64]:
    """Return the (3, 3) matrix from linear light to XYZ, adapted to the D50 white of profiles."""
    try:
        columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
        target = np.array([white[0] / white[1], 1, (1 - white[0] - white[1]) / white[1]])
        matrix = columns * np.linalg.solve(columns, target)
        scale = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ target))
        adapted = np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ matrix
        if not np.isfinite(adapted).all() or np.abs(adapted).max() > 100:
            raise ZeroDivisionError
    except (ZeroDivisionError, np.linalg.LinAlgError) as error:
        raise PictureError(
            "The picture's primaries are linearly dependent; save it again from its source."
        ) from error
    return adapted


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert PQ values to light in 0..1 of 10,000 cd/m²."""
    power = signal ** (1 / 78.84375)
    return (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


def _pq_inverse(light: NDArray[np.float64]) -> NDArray[np.float64]:
    power = light**0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert HLG values to scene light in 0..1."""
    return np.where(
        signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    )


def _hlg_inverse(light: NDArray[np.float64]) -> NDArray[np.float64]:
    bright = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)
