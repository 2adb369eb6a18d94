"""Classical harmonization: transfer the color statistics of the background to the foreground.

Methods take a composite (H, W, 3), sRGB-encoded floats 0..1, and a mask (H, W), 0..1, and return a picture of
the composite's shape and type. Soft edges belong to both regions, weighted by their share of each. The
recolored foreground is clipped to 0..1 and blended over the composite by the mask, so that pixels with mask 0
are bit-identical. Without foreground or background, the result is a copy of the composite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Float64 = NDArray[np.float64]

RGB_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
"""RGB 0..1 to cone responses, as printed in Reinhard et al. (2001)."""

LOG_LMS_TO_LAB = np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]])
"""log10 LMS to the opponent channels l, α, β of the same paper; orthogonal: the inverse is the transpose."""

MIN_LMS = 1 / 255
"""The least cone response, one 8-bit level, because 0 has no logarithm."""

MAX_LOG_LMS = 2.0
"""The largest cone response in the inverse, 100 times white, far outside sRGB, so that powers stay finite."""

RGB_VARIANCE_FLOOR = (1 / 255) ** 2 / 12
"""Added to both covariances in RGB in every direction: the variance of rounding to 8 bits."""

LAB_VARIANCE_FLOOR = 1e-8
"""Added to both variances in lαβ: the effect of rounding a light gray (0.8) to 8 bits on β, the narrowest.

These floors limit the amplification of noise in flat regions; equal statistics stay equal.
"""


def reinhard(composite: Array, mask: Array) -> Array:
    """Match mean and standard deviation in the lαβ space of Reinhard et al., "Color Transfer between Images".

    IEEE Computer Graphics and Applications 21(5), 2001. As there, the encoded RGB is used directly, without
    removing the transfer curve.
    """
    return _recolor(composite, mask, _match_lab)


def histogram_matching(composite: Array, mask: Array) -> Array:
    """Match the cumulative histogram of each RGB channel (Gonzalez and Woods, Digital Image Processing).

    A value is replaced by the background's value of the same quantile, interpolated between the values that
    occur; quantiles include the value itself, so a flat foreground gets the background's maximum.
    """
    return _recolor(composite, mask, _match_histograms)


def mkl(composite: Array, mask: Array) -> Array:
    """Match mean and covariance in RGB by the linear map that moves colors least.

    Pitié and Kokaram, "The linear Monge-Kantorovitch linear color mapping for example-based color
    transfer", CVMP 2007.
    """
    return _recolor(composite, mask, _match_covariance)


@dataclass(frozen=True)
class _Sample:
    """Weighted colors of a region: colors (N, 3), weights (N,) that sum to 1, both float64."""

    colors: Float64
    weights: Float64

    @classmethod
    def of(cls, picture: Array, weights: Float64) -> _Sample:
        """Return the pixels of a picture (H, W, 3) whose weight (H, W) is not zero."""
        chosen = weights > 0
        return cls(picture[chosen].astype(np.float64), weights[chosen] / weights.sum())

    def mean(self) -> Float64:
        """Return the mean color (3,)."""
        return self.weights @ self.colors

    def covariance(self) -> Float64:
        """Return the covariance (3, 3) of the channels."""
        centered = self.colors - self.mean()
        return (centered.T * self.weights) @ centered


def _recolor(composite: Array, mask: Array, match: Callable[[_Sample, _Sample], Float64]) -> Array:
    """Blend the colors (N, 3) that `match` returns for foreground and background into the composite."""
    share = mask.astype(np.float64)
    inside = share > 0
    if not inside.any() or (share == 1).all():
        return composite.copy()
    foreground = _Sample.of(composite, share)
    recolored = match(foreground, _Sample.of(composite, 1 - share)).clip(0, 1)
    alpha = share[inside, np.newaxis]
    result = composite.copy()
    result[inside] = alpha * recolored + (1 - alpha) * foreground.colors
    return result


def _match_lab(foreground: _Sample, background: _Sample) -> Float64:
    source = replace(foreground, colors=_rgb_to_lab(foreground.colors))
    target = replace(background, colors=_rgb_to_lab(background.colors))
    source_variance = source.covariance().diagonal() + LAB_VARIANCE_FLOOR
    target_variance = target.covariance().diagonal() + LAB_VARIANCE_FLOOR
    gain = np.sqrt(target_variance / source_variance)
    return _lab_to_rgb((source.colors - source.mean()) * gain + target.mean())


def _match_histograms(foreground: _Sample, background: _Sample) -> Float64:
    matched = np.empty_like(foreground.colors)
    for channel in range(3):
        _, quantiles, index = _cumulative(foreground.colors[:, channel], foreground.weights)
        values, target_quantiles, _ = _cumulative(background.colors[:, channel], background.weights)
        matched[:, channel] = np.interp(quantiles, target_quantiles, values)[index]
    return matched


def _match_covariance(foreground: _Sample, background: _Sample) -> Float64:
    source = foreground.covariance() + RGB_VARIANCE_FLOOR * np.eye(3)
    target = background.covariance() + RGB_VARIANCE_FLOOR * np.eye(3)
    root, inverse_root = _power(source, 0.5), _power(source, -0.5)
    transfer = inverse_root @ _power(root @ target @ root, 0.5) @ inverse_root
    return (foreground.colors - foreground.mean()) @ transfer + background.mean()


def _rgb_to_lab(rgb: Float64) -> Float64:
    lms: Float64 = np.maximum(rgb @ RGB_TO_LMS.T, MIN_LMS)
    return np.log10(lms) @ LOG_LMS_TO_LAB.T


def _lab_to_rgb(lab: Float64) -> Float64:
    log_lms = np.minimum(lab @ LOG_LMS_TO_LAB, MAX_LOG_LMS)
    return np.power(10.0, log_lms) @ np.linalg.inv(RGB_TO_LMS).T


def _cumulative(channel: Float64, weights: Float64) -> tuple[Float64, Float64, NDArray[np.intp]]:
    """Return the values (V,) of a channel (N,), their quantiles (V,), and each pixel's index (N,)."""
    values, index = np.unique(channel, return_inverse=True)
    return values, np.bincount(index, weights).cumsum(), index


def _power(matrix: Float64, exponent: float) -> Float64:
    """Compute a real power of a symmetric positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    power: Float64 = (vectors * values**exponent) @ vectors.T
    return power
