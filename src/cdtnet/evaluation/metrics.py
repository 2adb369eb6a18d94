"""Full-reference metrics of one picture, each named by its convention.

Pictures are (H, W, 3) with values 0..255, not rounded; masks are (H, W) with values 0..1, where 1 is
foreground and soft edges count by their value. Sums are accumulated in float64 whatever the input's
type: the float32 mean of millions of values is visibly off.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.number[Any]]


def mse(prediction: Array, target: Array) -> float:
    """Mean squared error over all pixels and channels, in squared 8-bit codes.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
    """
    return float(_squared_error(prediction, target).mean())


def fmse(prediction: Array, target: Array, mask: Array) -> float:
    """Foreground MSE: Σ mask · error² / (3 · Σ mask + 1e-6), in squared 8-bit codes.

    The definition of iS2AM (Sofiiuk et al., 2021) and its successors; 0 without foreground.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
        mask: Foreground (H, W), 0..1.
    """
    weighted = np.tensordot(mask, _squared_error(prediction, target), axes=2).sum()
    return float(weighted / (3 * mask.sum(dtype=np.float64) + 1e-6))


def psnr(prediction: Array, target: Array, peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio over the whole picture, 10 · log10(peak² / MSE), in dB.

    Identical pictures give infinity, so a mean over pictures that include one is infinite too.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
        peak: The largest value a picture can take; 255 in most papers.
    """
    error = mse(prediction, target)
    if error == 0:
        return math.inf
    with np.errstate(divide="ignore"):  # a peak of 0 is -inf
        return float(10 * np.log10(peak**2 / error))


def psnr_target_peak(prediction: Array, target: Array) -> float:
    """PSNR in dB whose peak is the target's own maximum, as in the official code of iS2AM and CDTNet.

    Never above `psnr`, and up to 0.5 dB below it in the published tables. Identical pictures give
    infinity, any other prediction of an all-black target minus infinity.

    Args:
        prediction: Picture (H, W, 3), 0..255.
        target: Picture (H, W, 3), 0..255.
    """
    return psnr(prediction, target, peak=float(target.max()))


def foreground_ratio(mask: Array) -> float:
    """Share of the picture that is foreground, 0..1: the mean of the mask (H, W).

    iHarmony4's tables are split by it at 5 % and 15 % (Cong et al., 2020).
    """
    return float(mask.mean(dtype=np.float64))


def _squared_error(prediction: Array, target: Array) -> NDArray[np.float64]:
    """Squared difference per pixel and channel, (H, W, 3) float64."""
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    error = np.subtract(prediction, target, dtype=np.float64)
    return np.square(error, out=error)
