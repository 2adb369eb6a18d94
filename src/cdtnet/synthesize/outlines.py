"""Conversion of object outlines in annotation files, polygons and run lengths, to masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .pictures import Bytes

_LINES = 4  # scan lines per row of pixels


def decode_counts(text: str) -> list[int]:
    """Decode the run lengths in COCO's compressed string.

    A character has five bits of a number, least significant first, and a sixth bit if more follow; the last
    fifth bit is the sign. From the fourth number on, values are differences to the number two before.

    Raises:
        DataError: The string is truncated, or has invalid characters.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise DataError(
                f"A compressed mask has the character {character!r}; the annotation file is damaged."
            )
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (bits & 16) << (shift - 4)  # two's complement
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise DataError("A compressed mask ends in the middle of a number; the annotation file is damaged.")
    return counts


def decode_runs(counts: Sequence[int], height: int, width: int) -> Bytes:
    """Decode run lengths along the columns, background first, to a mask (height,width), 0 or 255.

    Raises:
        DataError: They do not add up to the mask's size.
    """
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise DataError(f"The run lengths of a mask do not add up to {width}×{height} pixels.")
    values = np.arange(len(counts), dtype=np.uint8) % 2 * np.uint8(255)
    return np.ascontiguousarray(np.repeat(values, counts).reshape(width, height).T)


def fill(polygons: Sequence[NDArray[np.float64]], height: int, width: int) -> Bytes:
    """Fill the union of polygons, antialiased, in a mask (height,width).

    Args:
        polygons: Corners (N,2) as x, y in pixels; pixel i extends from i to i + 1. The even-odd rule applies
            to each polygon.
        height: The number of rows.
        width: The number of columns.
    """
    covered = np.zeros((height, width), np.float32)
    for corners in polygons:
        covered = np.maximum(covered, _cover(corners, height, width))
    return np.rint(covered * 255).astype(np.uint8)


def _cover(corners: NDArray[np.float64], height: int, width: int) -> NDArray[np.float32]:
    """Return the coverage of pixels by one polygon, exact along `_LINES` scan lines per row."""
    start, end = corners, np.roll(corners, -1, axis=0)
    covered = np.zeros((height, width), np.float32)
    top = max(0, int(np.floor(corners[:, 1].min())))
    bottom = min(height, int(np.ceil(corners[:, 1].max())))
    for line in range(top * _LINES, bottom * _LINES):
        y = (line + 0.5) / _LINES
        crossing = (start[:, 1] <= y) != (end[:, 1] <= y)
        (x0, y0), (x1, y1) = start[crossing].T, end[crossing].T
        ends = np.clip(np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0)), 0, width)
        row = covered[line // _LINES]
        for left, right in zip(ends[::2], ends[1::2], strict=True):
            _span(row, left, right)
    return covered / np.float32(_LINES)


def _span(row: NDArray[np.float32], left: float, right: float) -> None:
    """Add a span of a scan line to a row of pixels (W,)."""
    first, last = int(left), int(np.ceil(right)) - 1
    if first >= last:
        row[first : first + 1] += right - left
        return
    row[first] += first + 1 - left
    row[first + 1 : last] += 1
    row[last] += right - last
