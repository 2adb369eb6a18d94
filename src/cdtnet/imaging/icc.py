"""ICC profiles of the common kind: one curve per channel and a matrix, or one curve for gray.

Adobe RGB, Display P3, ProPhoto, Rec. 2020 and the gray gammas are of this kind. Computing them here in
float32 takes a tenth of the time of building a library transform for every tile.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_STEPS = 65535  # one table entry per 16-bit value, so that integer pixels are looked up exactly
_WHITE = np.array([[0.9642], [1.0], [0.8249]])  # the D50 white of the profile connection space
_SRGB = np.array(  # as in sRGB profiles, rounded to 1/65536
    [[0.436066, 0.385147, 0.143066], [0.222488, 0.716873, 0.060608], [0.013916, 0.097076, 0.714096]]
)
_MOST_TAGS = 256


class ProfileError(ValueError):
    """The profile is damaged; the message says how."""


@dataclass(frozen=True)
class Shaper:
    """A color space made of curves and a matrix.

    Attributes:
        curves: (C, 65536), linear light in 0..1 for every 16-bit value, per channel.
        inverses: The value in 0..1 for every 16-bit square root of linear light, per channel; the root makes
            the steps finer in dark tones.
        matrix: (3, C), from linear light to D50 XYZ.
        inverse: (C, 3), from D50 XYZ to linear light.
    """

    curves: Floats
    inverses: Floats
    matrix: NDArray[Any]
    inverse: NDArray[Any]

    def linear(self, values: Floats) -> Floats:
        """Convert (..., C) values in 0..1 to linear light in 0..1."""
        return _looked_up(self.curves, values)

    def unlinear(self, light: Floats) -> Floats:
        """Convert (..., C) linear light to values in 0..1, clipped."""
        return _looked_up(self.inverses, np.sqrt(np.clip(light, 0, 1)))


def srgb() -> Shaper:
    """Return the sRGB color space."""
    curve = _parametric(3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
    return _shaper([curve] * 3, _SRGB)


def shaper(profile: bytes) -> Shaper | None:
    """Return the color space of an ICC profile, or None if it is more than curves and a matrix.

    Raises:
        ProfileError: The profile is truncated or inconsistent.
    """
    try:
        tags = _tags(profile)
        if b"A2B0" in tags or profile[20:24] != b"XYZ ":
            return None
        if profile[16:20] == b"GRAY" and b"kTRC" in tags:
            return _shaper([_curve(tags[b"kTRC"])], _WHITE)
        if (
            profile[16:20] == b"RGB "
            and {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"} <= tags.keys()
        ):
            columns = [_fixed(tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
            return _shaper([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")], np.array(columns).T)
    except ProfileError:
        raise
    except np.linalg.LinAlgError as error:
        raise ProfileError("its primaries are linearly dependent") from error
    except (struct.error, ValueError) as error:
        raise ProfileError("a part of it is truncated") from error
    return None


def is_linear(profile: bytes) -> bool:
    """Check whether the values of a profile are linear light.

    Raises:
        ProfileError: As from `shaper`.
    """
    space = shaper(profile)
    light = np.linspace(0, 1, _STEPS + 1)
    return space is not None and bool(np.abs(space.curves - light).max() < 1e-3)


def _shaper(curves: list[NDArray[np.float64]], matrix: NDArray[Any]) -> Shaper:
    grid = np.linspace(0, 1, _STEPS + 1)
    rising = [np.maximum.accumulate(np.clip(curve, 0, 1)) for curve in curves]
    if any(not np.isfinite(curve).all() or curve[-1] <= curve[0] for curve in rising):
        raise ProfileError("a tone curve is not increasing")
    inverses = [np.interp(grid**2, curve, grid) for curve in rising]
    inverse = (
        np.linalg.inv(matrix) if matrix.shape[1] == 3 else np.array([[0.0, 1.0, 0.0]])
    )  # gray is the luminance
    return Shaper(np.array(rising, np.float32), np.array(inverses, np.float32), matrix, inverse)


def _looked_up(tables: Floats, values: Floats) -> Floats:
    index = np.rint(values * np.float32(_STEPS)).astype(np.uint16)
    return np.stack([table.take(index[..., i]) for i, table in enumerate(tables)], axis=-1)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    if len(profile) < 132 or profile[36:40] != b"acsp":
        raise ProfileError("it is not an ICC profile")
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > _MOST_TAGS:
        raise ProfileError("it has too many tags")
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count))
    return {name: profile[start : start + size] for name, start, size in entries}


def _curve(tag: bytes) -> NDArray[np.float64]:
    """Evaluate a 'curv' or 'para' tag at every 16-bit value."""
    grid = np.linspace(0, 1, _STEPS + 1)
    if tag[:4] == b"para":
        (function,) = struct.unpack_from(">H", tag, 8)
        return _parametric(function, _fixed(tag[12:40]))
    if tag[:4] != b"curv":
        raise ProfileError("a tone curve has an unknown type")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count <= 1:
        return grid ** (struct.unpack_from(">H", tag, 12)[0] / 256) if count else grid
    if len(tag) < 12 + 2 * count:
        raise ProfileError("a tone curve is truncated")
    points = np.frombuffer(tag, ">u2", count, 12) / _STEPS
    return np.interp(grid, np.linspace(0, 1, count), points)


def _parametric(function: int, parameters: list[float]) -> NDArray[np.float64]:
    """Evaluate ICC's parametric curves: (a·x + b)^g + e for x ≥ d, and c·x + f below."""
    names = {0: "g", 1: "gab", 2: "gabc", 3: "gabcd", 4: "gabcdef"}.get(function)
    if names is None or len(parameters) < len(names):
        raise ProfileError("a parametric tone curve has an unknown function")
    given = dict(zip(names, parameters, strict=False))
    g, a, b = given["g"], given.get("a", 1.0), given.get("b", 0.0)
    if function in (1, 2):  # constant below the point where the base of the power becomes negative
        offset = given.get("c", 0.0)
        slope, start, above, below = 0.0, -b / a if a else 0.0, offset, offset
    else:
        slope, start, above, below = (
            given.get("c", 0.0),
            given.get("d", 0.0),
            given.get("e", 0.0),
            given.get("f", 0.0),
        )
    x = np.linspace(0, 1, _STEPS + 1)
    with np.errstate(all="ignore"):  # invalid parameters are detected by their curve
        return np.where(x >= start, np.maximum(a * x + b, 0) ** g + above, slope * x + below)


def _fixed(raw: bytes) -> list[float]:
    """Read signed 16.16 numbers."""
    return [number / 65536 for (number,) in struct.iter_unpack(">i", raw)]
