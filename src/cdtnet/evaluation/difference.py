"""Perceived color difference: CIEDE2000 between sRGB pictures.

libvips converts them to CIELAB. The formula is implemented here, and tested against scikit-image, because
libvips uses another mean of opposite hues, which differs by up to 13.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..system.forking import use_threads

Array = NDArray[np.number[Any]]
Float64 = NDArray[np.float64]

STRIP = 128  # rows processed at a time, which bounds the memory


class Difference(NamedTuple):
    """Mean ΔE over the whole picture, and weighted by the mask (0 without foreground); at least 0."""

    whole: float
    foreground: float


def delta_e(prediction: Array, target: Array, mask: Array) -> Difference:
    """Average CIEDE2000 (sRGB, D65) over the pixels; a difference of about 1 is just noticeable.

    Values are rounded to 16 bits, which changes no pixel by more than about 0.02.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
        mask: Foreground (H, W), 0..1.

    Raises:
        ValueError: The shapes differ.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    whole = foreground = 0.0
    for top in range(0, len(target), STRIP):
        rows = slice(top, top + STRIP)
        difference = ciede2000(_lab(prediction[rows]), _lab(target[rows]))
        whole += float(difference.sum())
        foreground += float((mask[rows] * difference).sum())
    weight = float(mask.sum(dtype=np.float64))
    return Difference(whole / (target.size // 3), foreground / weight if weight else 0.0)


def ciede2000(first: Float64, second: Float64) -> Float64:
    """Compute the difference (…) of CIELAB colors (…, 3) by the formula of Sharma, Wu and Dalal (2005)."""
    lightness = (first[..., 0] + second[..., 0]) / 2
    chroma = (np.hypot(first[..., 1], first[..., 2]) + np.hypot(second[..., 1], second[..., 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    (chroma_1, hue_1), (chroma_2, hue_2) = _polar(first, stretch), _polar(second, stretch)
    gray = chroma_1 * chroma_2 == 0
    turn = np.where(gray, 0, (hue_2 - hue_1 + 180) % 360 - 180)
    turn = np.where((turn == -180) & (hue_2 > hue_1), 180, turn)
    chroma = (chroma_1 + chroma_2) / 2
    hue = np.where(gray, hue_1 + hue_2, _mean_hue(hue_1, hue_2))
    weight = (
        1
        - 0.17 * _cosine(hue - 30)
        + 0.24 * _cosine(2 * hue)
        + 0.32 * _cosine(3 * hue + 6)
        - 0.20 * _cosine(4 * hue - 63)
    )
    by_lightness = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    by_chroma, by_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * weight
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation = rotation * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    of_lightness = (second[..., 0] - first[..., 0]) / by_lightness
    of_chroma = (chroma_2 - chroma_1) / by_chroma
    of_hue = 2 * np.sqrt(chroma_1 * chroma_2) * np.sin(np.radians(turn / 2)) / by_hue
    squares = of_lightness**2 + of_chroma**2 + of_hue**2 + rotation * of_chroma * of_hue
    return np.sqrt(np.maximum(squares, 0))


def _polar(lab: Float64, stretch: Float64) -> tuple[Float64, Float64]:
    """Return chroma and hue, in degrees from 0 to 360, after scaling a."""
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _mean_hue(first: Float64, second: Float64) -> Float64:
    """Return the mean of two hues along the shorter arc."""
    total, far = first + second, np.abs(first - second) > 180
    return np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2


def _cosine(degrees: Float64) -> Float64:
    return np.cos(np.radians(degrees))


def _lab(picture: Array) -> Float64:
    """Convert pixels (rows, W, 3), 0..255, to CIELAB."""
    use_threads()
    codes = np.rint(np.clip(picture, 0, 255) * (65535 / 255)).astype(np.uint16)
    lab = pyvips.Image.new_from_array(codes, interpretation="rgb16").colourspace("lab")
    return np.asarray(lab.numpy(), np.float64)
