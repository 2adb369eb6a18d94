"""Structural similarity (Wang et al., 2004), in the standard convention and in that of the official code.

Both use a Gaussian window of sigma 1.5 and process each color channel separately. Threads filter strips of
rows, so that memory is bounded.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Array = NDArray[np.number[Any]]
Float64 = NDArray[np.float64]

SIGMA = 1.5
STRIP = 64  # rows of a strip
THREADS = 4  # strips at a time; a strip takes about 90 MB if the picture is 6000 pixels wide


class Similarity(NamedTuple):
    """SSIM over the whole picture, and weighted by the mask (fSSIM; 1 without foreground); -1..1."""

    ssim: float
    fssim: float


@dataclass(frozen=True)
class Convention:
    """The parameters of an SSIM.

    Attributes:
        radius: The radius of the window, which is 2 · radius + 1 pixels wide.
        border: The values outside the picture: its mirror image, or zeros.
        crop: Whether the mean over the picture omits pixels whose window extends beyond the border.
        data_range: A function from the prediction to the range of values, which scales the two constants.
    """

    radius: int
    border: Literal["reflect", "constant"]
    crop: bool
    data_range: Callable[[Array], float]


STANDARD = Convention(5, "reflect", crop=True, data_range=lambda _: 255.0)
"""11×11 window, range 255: scikit-image with gaussian_weights, sigma 1.5 and population covariance."""

OFFICIAL = Convention(3, "constant", crop=False, data_range=lambda p: float(p.max()) - float(p.min()))
"""7×7 window, zeros around the picture, and the range of the prediction: as in the code of CDTNet."""


def similarity(prediction: Array, target: Array, mask: Array, convention: Convention) -> Similarity:
    """Compute SSIM and fSSIM from one map.

    Args:
        prediction: Picture (H, W, 3), 0..255, not smaller than the window.
        target: Picture (H, W, 3), 0..255.
        mask: Foreground (H, W), 0..1; fSSIM includes the border pixels that SSIM may omit.
        convention: `STANDARD` or `OFFICIAL`.

    Raises:
        ValueError: The shapes differ, or the picture is smaller than the window.
    """
    height, width = target.shape[:2]
    window = 2 * convention.radius + 1
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    if min(height, width) < window:
        raise ValueError(
            f"a picture of {width}×{height} pixels is smaller than the window, {window}×{window}"
        )
    data_range = convention.data_range(prediction)
    margin = convention.radius if convention.crop else 0

    def sums(top: int) -> tuple[float, float]:
        rows = slice(top, min(top + STRIP, height))
        values = _map(prediction, target, rows, convention, data_range)
        inner = slice(max(margin - top, 0), max(height - margin - top, 0))
        whole = values[inner, margin : width - margin].sum()
        return float(whole), float(np.tensordot(mask[rows], values, axes=2).sum())

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as threads:
        whole, foreground = np.sum(list(threads.map(sums, range(0, height, STRIP))), axis=0)
    count, weight = (height - 2 * margin) * (width - 2 * margin), float(mask.sum(dtype=np.float64))
    return Similarity(float(whole) / (3 * count), float(foreground) / (3 * weight) if weight else 1.0)


def _map(prediction: Array, target: Array, rows: slice, convention: Convention, data_range: float) -> Float64:
    """Compute the SSIM map (rows, W, 3) of some rows of a picture."""
    first, second = (_padded(picture, rows, convention) for picture in (prediction, target))
    mean_1, mean_2 = _blur(first, convention), _blur(second, convention)
    product, energy = mean_1 * mean_2, mean_1**2 + mean_2**2
    covariance = _blur(first * second, convention) - product
    variances = _blur(first**2 + second**2, convention) - energy
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    numerator, denominator = (2 * product + c1) * (2 * covariance + c2), (energy + c1) * (variances + c2)
    # With a range of 0, two black places give 0/0; they are equal.
    return np.divide(numerator, denominator, out=np.ones_like(numerator), where=denominator != 0)


def _padded(picture: Array, rows: slice, convention: Convention) -> Float64:
    """Return rows of a picture, with the rows above and below that the window needs."""
    top, bottom = rows.start - convention.radius, rows.stop + convention.radius
    inside = picture[max(top, 0) : bottom].astype(np.float64)
    outside = ((max(-top, 0), max(bottom - len(picture), 0)), (0, 0), (0, 0))
    if convention.border == "reflect":
        return np.pad(inside, outside, mode="symmetric")
    return np.pad(inside, outside)


def _blur(padded: Float64, convention: Convention) -> Float64:
    """Compute Gaussian means of a strip: (2·radius + rows, W, C) to (rows, W, C)."""
    radius = convention.radius
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    down = correlate1d(padded, weights, axis=0)[radius:-radius]
    return correlate1d(down, weights, axis=1, mode=convention.border)
