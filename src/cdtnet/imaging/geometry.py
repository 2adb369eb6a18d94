"""Rectangles of a picture, and tiles that a mask touches."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Window(NamedTuple):
    """A rectangle of a picture, in pixels; `bottom` and `right` are exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The index into an array (H,W,…)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def union(self, other: "Window") -> "Window":
        """Return the smallest window that contains both."""
        return Window(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def intersection(self, other: "Window") -> "Window | None":
        """Return the common part of both; None if there is none."""
        shared = Window(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )
        return shared if shared.top < shared.bottom and shared.left < shared.right else None

    def grow(self, halo: int, height: int, width: int) -> "Window":
        """Add `halo` pixels on each side, within the picture."""
        return Window(
            max(self.top - halo, 0),
            max(self.left - halo, 0),
            min(self.bottom + halo, height),
            min(self.right + halo, width),
        )

    def block(self, halo: int, step: int, height: int, width: int) -> "Window":
        """Add `halo` pixels on each side, and more to make the sides multiples of `step`.

        The window stays within the picture, and is smaller if the picture is too small.
        """
        top, bottom = _stretch(self.top, self.bottom, halo, step, height)
        left, right = _stretch(self.left, self.right, halo, step, width)
        return Window(top, left, bottom, right)

    def within(self, outer: "Window") -> "Window":
        """Return the same window in the coordinates of an outer one."""
        return Window(
            self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left
        )

    def from_within(self, outer: "Window") -> "Window":
        """Convert a window from the coordinates of an outer one to those of the picture."""
        return Window(
            self.top + outer.top, self.left + outer.left, self.bottom + outer.top, self.right + outer.left
        )


def _stretch(start: int, stop: int, halo: int, step: int, length: int) -> tuple[int, int]:
    wanted = min(-(-(stop - start) // step) * step + 2 * halo, length)
    return inside(start - halo, wanted, length)


def inside(first: int, extent: int, length: int) -> tuple[int, int]:
    """Move an interval by the least distance so that it lies within the line."""
    first = min(max(first, 0), length - extent)
    return first, first + extent


def low_positions(start: int, stop: int, size: int, low_size: int) -> NDArray[np.float64]:
    """Map pixels start..stop of a line to positions on a line of `low_size` (centers at .5)."""
    positions = (np.arange(start, stop) + 0.5) * (low_size / size) - 0.5
    return positions.clip(0, low_size - 1)


def tiles(height: int, width: int, size: int) -> Iterator[Window]:
    """Divide the picture into squares of `size` pixels; the last ones may be smaller."""
    for top in range(0, height, size):
        for left in range(0, width, size):
            yield Window(top, left, min(top + size, height), min(left + size, width))


def extent(mask: NDArray[np.generic]) -> Window | None:
    """Return the smallest window that contains all nonzero pixels of a mask (H,W); None if there are none."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def touched(mask: NDArray[np.generic], size: int) -> Iterator[Window]:
    """Yield the tiles of `size` with nonzero pixels of a mask (H,W), each cropped to these pixels."""
    for tile in tiles(mask.shape[0], mask.shape[1], size):
        if found := extent(mask[tile.slices]):
            yield found.from_within(tile)
