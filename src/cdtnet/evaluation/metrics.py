"""Full-reference metrics of one picture, each named by its convention.

Pictures are (H, W, 3) with values 0..255, not rounded; masks are (H, W) with values 0..1, where 1 is
foreground and soft edges are weighted by their value. Sums are accumulated in float64 for all input types,
because the float32 mean of millions of values is inexact. Pictures are processed in strips of rows, so that
memory does not grow with the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .difference import delta_e
from .similarity import OFFICIAL, STANDARD, similarity

Array = NDArray[np.number[Any]]

METRICS = (
    "mse",
    "psnr",
    "psnr_official",
    "fmse",
    "fpsnr",
    "ssim",
    "ssim_official",
    "fssim",
    "fssim_official",
    "mse_inside",
    "psnr_inside",
    "delta_e",
    "fdelta_e",
)
"""The metrics of `score`: "official" as in the code of CDTNet, "inside" as in the code of HINet and PCT-Net,
the others as in most papers."""

PSNR_EPSILON = 1e-6
"""Added to the MSE before the logarithm, as in the code of iS2AM, CDTNet and PCT-Net."""

STRIP = 128
"""Rows processed at a time."""


def score(prediction: Array, target: Array, mask: Array) -> dict[str, float]:
    """Compute all `METRICS` of one picture.

    Args:
        prediction: Picture (H, W, 3), 0..255, at least 11 pixels high and wide.
        target: Picture (H, W, 3), 0..255.
        mask: Foreground (H, W), 0..1.

    Raises:
        ValueError: The shapes differ, or the picture is smaller than SSIM's window.
    """
    inside = mse_inside(prediction, target, mask)
    difference = delta_e(prediction, target, mask)
    whole, foreground = mse(prediction, target), fmse(prediction, target, mask)
    ssim, fssim = similarity(prediction, target, mask, STANDARD)
    ssim_official, fssim_official = similarity(prediction, target, mask, OFFICIAL)
    return {
        "mse": whole,
        "psnr": decibels(whole, 255.0),
        "psnr_official": decibels(whole, float(target.max())),
        "fmse": foreground,
        "fpsnr": decibels(foreground, 255.0),
        "ssim": ssim,
        "ssim_official": ssim_official,
        "fssim": fssim,
        "fssim_official": fssim_official,
        "mse_inside": inside,
        "psnr_inside": decibels(inside, 255.0),
        "delta_e": difference.whole,
        "fdelta_e": difference.foreground,
    }


def mse(prediction: Array, target: Array) -> float:
    """Compute the mean squared error over all pixels and channels, in squared 8-bit levels.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
    """
    return sum(float(error.sum()) for _, error in _squared_errors(prediction, target)) / target.size


def fmse(prediction: Array, target: Array, mask: Array) -> float:
    """Compute Σ mask · error² / (3 · Σ mask + 1e-6), in squared 8-bit levels.

    This is the definition of iS2AM (Sofiiuk et al., 2021) and its successors. It is 0 without foreground.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
        mask: Foreground (H, W), 0..1.
    """
    return _weighted(prediction, target, mask) / (3 * float(mask.sum(dtype=np.float64)) + 1e-6)


def mse_inside(prediction: Array, target: Array, mask: Array) -> float:
    """Compute Σ mask · error² / (3 · H · W): errors inside the mask, over the whole frame.

    This is the definition in the code of HINet and PCT-Net, in squared 8-bit levels. Noise of the background
    does not count.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
        mask: Foreground (H, W), 0..1.
    """
    return _weighted(prediction, target, mask) / target.size


def decibels(error: float, peak: float) -> float:
    """Compute a PSNR, 10 · log10(peak² / (error + 1e-6)), in dB; minus infinity for a peak of 0.

    Identical pictures have 108.13 dB with peak 255, so that means stay finite.

    Args:
        error: One of the squared errors above.
        peak: 255 as in most papers, or, as in the code of iS2AM and CDTNet, the target's maximum.
    """
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.square(peak) / (error + PSNR_EPSILON)))


def _weighted(prediction: Array, target: Array, mask: Array) -> float:
    """Sum mask · error² over pixels and channels."""
    return sum(
        float(np.tensordot(mask[rows], error, axes=2).sum())
        for rows, error in _squared_errors(prediction, target)
    )


def _squared_errors(prediction: Array, target: Array) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield squared differences (rows, W, 3) in float64, strip by strip, with their rows."""
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    for top in range(0, len(target), STRIP):
        rows = slice(top, top + STRIP)
        error = np.subtract(prediction[rows], target[rows], dtype=np.float64)
        yield rows, np.square(error, out=error)
