"""The contrast of a picture across the edge of a mask, a measure of how exact the mask is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry import touched

FAINT = 3.0  # contrast below which there is no edge, in levels of 255
AROUND = 2  # margin around the object in which other edges are tried, as a multiple of the reach

FloatArray = NDArray[np.float32]
Steps = tuple[FloatArray, FloatArray]


def steps(low: NDArray[np.uint8]) -> Steps:
    """Return the color differences (S-1,T) and (S,T-1) between neighbors of (S,T,3), in levels."""
    signed = low.astype(np.int16)
    down, across = (np.abs(np.diff(signed, axis=axis)).max(2).astype(np.float32) for axis in (0, 1))
    return down, across


def contrast(differences: Steps, inside: NDArray[Any]) -> float:
    """Return the mean color difference across the edge of a mask (S,T), in levels; 0 without an edge."""
    total, count = 0.0, 0
    for axis, difference in enumerate(differences):
        found = difference[np.diff(inside, axis=axis) != 0]
        total, count = total + float(found.sum()), count + found.size
    return total / count if count else 0.0


def peak(differences: Steps, inside: NDArray[np.uint8], reach: int) -> float:
    """Return the contrast across a mask's edge, divided by the largest contrast of wider or narrower masks.

    Args:
        differences: The color differences of the picture; see `steps`.
        inside: (S,T), the mask, 0 or 1, not empty.
        reach: The largest number of pixels by which the other masks are wider or narrower.
    """
    extent = next(touched(inside, max(inside.shape)))
    near = extent.grow(AROUND * reach, *inside.shape)
    top, left, bottom, right = near
    distance, area = _signed_distance(inside[near.slices]), inside.sum()
    down, across = differences
    here = down[top : bottom - 1, left:right], across[top:bottom, left : right - 1]
    others = [FAINT]
    for width in (*range(-reach, 0), *range(1, reach + 1)):
        covered = distance + width > 0
        if area / 2 < covered.sum() < 1.5 * area:
            others.append(contrast(here, covered))
    return contrast(here, distance > 0) / max(others)


def _signed_distance(inside: NDArray[np.uint8]) -> FloatArray:
    """Return the distance (S,T) from the edge in pixels, positive inside."""
    within, outside = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (inside, 1 - inside))
    return np.where(inside > 0, within - 0.5, 0.5 - outside).astype(np.float32)
