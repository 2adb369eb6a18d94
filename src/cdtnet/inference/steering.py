"""The formulas of `Controls`: the share of the change that is applied, and corrections on top.

They apply to display-coded sRGB values, pixel by pixel, and need no new analysis. A foreground of color c
that was harmonized to h, with Y the luma of Rec. 601, becomes

    d = h - c
    out = c + strength · (tone · Y(d) + color · (d - Y(d)))

With `keep_hue` the chroma of out, u = out - Y(out), takes the direction of the chroma of c, v = c - Y(c):

    out = Y(out) + u + w · (|u| · v / |v| - u)     where w = |v| / (|v| + 0.02)

The corrections follow in this order. P is the mean luma of the foreground after the first step.

    saturation     out = Y(out) + (1 + saturation / 100) · (out - Y(out))
    contrast       out = P + (1 + contrast / 100) · (out - P)
    brightness     out = out + 0.25 · brightness / 100
    warmth         out = out + 0.10 · warmth / 100 · (a - Y(a))     where a = (1, 0, -1)
    tint           out = out + 0.10 · tint / 100 · (a - Y(a))       where a = (0, -1, 0)

In the end out is clipped to 0..1, and the mask blends it over c.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..imaging.color import luma
from .controls import Controls

REC_601 = np.array([0.299, 0.587, 0.114], dtype=np.float32)
HUE_FLOOR = 0.02  # length of a chroma whose hue has half the weight
BRIGHTEST = 0.25  # offset at a brightness of 100
WARMEST = 0.10  # offset of a channel at a warmth or tint of 100
WARM = np.array([1, 0, -1], dtype=np.float32)  # red up, blue down
MAGENTA = np.array([0, -1, 0], dtype=np.float32)  # green down


class Levels(NamedTuple):
    """Mean luma of a foreground, 0..1: in the composite, and as harmonized at full strength."""

    composite: float
    harmonized: float


def steer(controls: Controls, before: NDArray[Any], change: NDArray[Any], levels: Levels) -> NDArray[Any]:
    """Return the colors (…,3) of a foreground with controls.

    Args:
        controls: The controls.
        before: The composite's colors, float32 sRGB in 0..1.
        change: The change of them by harmonizing at full strength.
        levels: The levels of the foreground that they belong to.

    Returns:
        The colors, clipped to 0..1 unless the controls are `plain`.
    """
    if controls.plain is not None:
        return before + np.float32(controls.plain) * change
    light = _luma(change)
    tone, color = (np.float32(controls.strength * share) for share in (controls.tone, controls.color))
    out = before + (tone * light + color * (change - light))
    if controls.keep_hue:
        out = _with_hue(out, before)
    return _corrected(controls, out, levels).clip(0, 1)


def _corrected(controls: Controls, out: NDArray[Any], levels: Levels) -> NDArray[Any]:
    if controls.saturation:
        light = _luma(out)
        out = light + np.float32(1 + controls.saturation / 100) * (out - light)
    if controls.contrast:
        share = controls.strength * controls.tone
        pivot = np.float32(levels.composite + share * (levels.harmonized - levels.composite))
        out = pivot + np.float32(1 + controls.contrast / 100) * (out - pivot)
    shift = np.full(3, BRIGHTEST * controls.brightness / 100, np.float32)
    for amount, axis in ((controls.warmth, WARM), (controls.tint, MAGENTA)):
        shift += np.float32(WARMEST * amount / 100) * (axis - _luma(axis))
    return out + shift if shift.any() else out


def _with_hue(out: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
    """Return colors (…,3) with the hues of others, weighted by the chroma of the others."""
    light, wanted = _luma(out), before - _luma(before)
    chroma, floor = out - light, np.float32(HUE_FLOOR)
    whole = _length(wanted) + floor
    return light + chroma * (floor / whole) + wanted * (_length(chroma) / whole)


def _luma(rgb: NDArray[Any]) -> NDArray[Any]:
    return luma(rgb, REC_601)[..., None]


def _length(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return (…,1). Each pixel is computed alone, so tiles equal the whole picture."""
    squares = vectors * vectors
    return np.sqrt(squares[..., :1] + squares[..., 1:2] + squares[..., 2:])
