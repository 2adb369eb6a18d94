"""Which parts of a picture need work."""

from collections.abc import Iterable, Iterator
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
        """To index an array (H,W,…) with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def grow(self, halo: int, height: int, width: int) -> "Window":
        """The window and `halo` pixels around it, as far as the picture reaches."""
        return Window(
            max(self.top - halo, 0),
            max(self.left - halo, 0),
            min(self.bottom + halo, height),
            min(self.right + halo, width),
        )

    def block(self, halo: int, step: int, height: int, width: int) -> "Window":
        """The window, `halo` pixels around it, and as many more as make it a whole number of `step` without.

        Lies within the picture; where that is too small for it, as far as the picture reaches.
        """
        top, bottom = _stretch(self.top, self.bottom, halo, step, height)
        left, right = _stretch(self.left, self.right, halo, step, width)
        return Window(top, left, bottom, right)

    def within(self, outer: "Window") -> "Window":
        """The same window in the coordinates of an outer one."""
        return Window(
            self.top - outer.top, self.left - outer.left, self.bottom - outer.top, self.right - outer.left
        )

    def from_within(self, outer: "Window") -> "Window":
        """A window in the coordinates of an outer one, in those that the outer one is in."""
        return Window(
            self.top + outer.top, self.left + outer.left, self.bottom + outer.top, self.right + outer.left
        )


def close_up(windows: Iterable[Window], base_size: int, height: int, width: int) -> Window:
    """The part of an (H,W) picture that shows what its foreground should look like.

    A square around all windows, from their extent a third of the way to the picture's, so that a small
    foreground is more than a few pixels of what is analysed and still has surroundings to belong to; at least
    as large as the base, for nothing is seen by enlarging; and cut to what the picture has.
    """
    tops, lefts, bottoms, rights = zip(*windows, strict=True)
    top, left, bottom, right = min(tops), min(lefts), max(bottoms), max(rights)
    extent = max(bottom - top, right - left)
    side = max(extent + (max(height, width) - extent) // 3, base_size)
    first, below = _around(top, bottom, side, height)
    start, beyond = _around(left, right, side, width)
    return Window(first, start, below, beyond)


def _stretch(start: int, stop: int, halo: int, step: int, length: int) -> tuple[int, int]:
    wanted = min(-(-(stop - start) // step) * step + 2 * halo, length)
    return _inside(start - halo, wanted, length)


def _around(start: int, stop: int, side: int, length: int) -> tuple[int, int]:
    wanted = min(side + (side + start + stop) % 2, length)  # even margins, however the picture is mirrored
    return _inside((start + stop - wanted) // 2, wanted, length)


def _inside(first: int, extent: int, length: int) -> tuple[int, int]:
    """Moved as little as makes it lie within the line."""
    first = min(max(first, 0), length - extent)
    return first, first + extent


def low_positions(start: int, stop: int, size: int, low_size: int) -> NDArray[np.float64]:
    """Pixels start..stop of a line of `size` as positions on a line of `low_size` (pixel centres at .5)."""
    positions = (np.arange(start, stop) + 0.5) * (low_size / size) - 0.5
    return positions.clip(0, low_size - 1)


def tiles(height: int, width: int, size: int) -> Iterator[Window]:
    """The picture cut into squares of `size` pixels; the last of each row and column may be smaller."""
    for top in range(0, height, size):
        for left in range(0, width, size):
            yield Window(top, left, min(top + size, height), min(left + size, width))


def touched(mask: NDArray[np.generic], size: int) -> Iterator[Window]:
    """The tiles of `size` that an (H,W) mask touches, each cut down to what it touches there."""
    height, width = mask.shape
    for tile in tiles(height, width, size):
        part = mask[tile.slices] != 0
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        if rows.size:
            top, left = tile.top, tile.left
            yield Window(
                top + int(rows[0]),
                left + int(columns[0]),
                top + int(rows[-1]) + 1,
                left + int(columns[-1]) + 1,
            )
