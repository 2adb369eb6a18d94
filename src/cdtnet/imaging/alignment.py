"""Aligning a rough mask with the edges of a picture: its shape is kept, shifted, wider or narrower."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry import extent

FAINT = 3.0  # contrast below which there is no edge, in levels of 255
AROUND = 2  # margin around the object in which edges are searched, as a multiple of the reach

FloatArray = NDArray[np.float32]
Steps = tuple[FloatArray, FloatArray]
Place = tuple[int, int, int]  # pixels down, across, and outwards


class Aligned(NamedTuple):
    """A mask at its best place.

    Attributes:
        mask: (S,T), 0..1.
        contrast: across its edge, in levels of 255.
        peak: contrast across the edge as given, as a multiple of the most contrast at another width.
    """

    mask: FloatArray
    contrast: float
    peak: float


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


def align(differences: Steps, inside: NDArray[np.uint8], reach: int) -> Aligned:
    """Move the edge of a mask to where it has the most contrast: hill climbing from the best width or shift.

    Args:
        differences: of the picture, see `steps`.
        inside: (S,T), the mask, 0 or 1, not empty.
        reach: how far it may move in each direction, in pixels.
    """
    distance = _signed_distance(inside)
    window = extent(inside)
    assert window
    top, left, bottom, right = window.grow(AROUND * reach, *inside.shape)
    near, area = distance[top:bottom, left:right], inside.sum()
    down, across = differences
    here = down[top : bottom - 1, left:right], across[top:bottom, left : right - 1]
    seen: dict[Place, float] = {}

    def moved(values: FloatArray, place: Place) -> Any:
        matrix = np.array([[1, 0, place[1]], [0, 1, place[0]]], np.float32)
        size = values.shape[::-1]
        return place[2] + cv2.warpAffine(
            values, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )

    def quality(place: Place) -> float:
        if max(map(abs, place)) > reach:
            return 0.0
        if place not in seen:
            covered = moved(near, place) > 0
            fits = area / 2 < covered.sum() < 1.5 * area
            seen[place] = contrast(here, covered) if fits else 0.0
        return seen[place]

    coarse = range(-reach, reach + 1, 2)
    widths = [(0, 0, width) for width in range(-reach, reach + 1)]
    shifts = [(y, x, 0) for y in coarse for x in coarse]
    best = max(((0, 0, 0), max(widths, key=quality), max(shifts, key=quality)), key=quality)
    while (better := max(_neighbors(best), key=quality)) != best:
        best = better
    soft = np.clip(moved(distance, best) + 0.5, 0, 1).astype(np.float32)
    others = max(quality(place) for place in widths if place != (0, 0, 0))
    return Aligned(soft, quality(best), quality((0, 0, 0)) / max(others, FAINT))


def _neighbors(place: Place) -> list[Place]:
    """The place and those one step away."""
    down, across, out = place
    return [
        place,
        *((down + step, across, out) for step in (-1, 1)),
        *((down, across + step, out) for step in (-1, 1)),
        *((down, across, out + step) for step in (-1, 1)),
    ]


def _signed_distance(inside: NDArray[np.uint8]) -> FloatArray:
    """Return the distance (S,T) from the edge in pixels, positive inside."""
    within, outside = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (inside, 1 - inside))
    return np.where(inside > 0, within - 0.5, 0.5 - outside).astype(np.float32)
