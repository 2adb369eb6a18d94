"""The part of a mask that is not black, as a grid of cells, computed in one pass from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .geometry import Window

FINEST = 256  # least number of cells along the longer side; at most twice as many


class Cells(NamedTuple):
    """A mask (H,W) as a grid of square cells; extents are in pixels, and undefined for empty cells.

    Attributes:
        side: Side of the cells in pixels, a power of two.
        area: (h,w), the number of covered pixels.
        top: (h,w), the first covered row.
        bottom: (h,w), the last covered row plus one.
        left: (h,w), the first covered column.
        right: (h,w), the last covered column plus one.
        darkest: The smallest value of the mask.
        brightest: The largest value of the mask.
    """

    side: int
    area: NDArray[np.int64]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    darkest: float
    brightest: float

    def extent(self, chosen: NDArray[np.bool_]) -> Window:
        """Return the bounding window of the chosen cells (h,w); none of them may be empty."""
        return Window(
            int(self.top[chosen].min()),
            int(self.left[chosen].min()),
            int(self.bottom[chosen].max()),
            int(self.right[chosen].max()),
        )

    def windows(self, tile: int) -> Iterator[Window]:
        """Yield the covered tiles, each cropped to its covered part; `tile` is that of `survey`."""
        step = tile // self.side
        for row in range(0, self.area.shape[0], step):
            for column in range(0, self.area.shape[1], step):
                part = slice(row, row + step), slice(column, column + step)
                covered = self.area[part] > 0
                if covered.any():
                    yield self._part(part).extent(covered)

    def _part(self, part: tuple[slice, slice]) -> Cells:
        grids = "area", "top", "bottom", "left", "right"
        return self._replace(**{name: getattr(self, name)[part] for name in grids})


def survey(mask: Any, tile: int, floor: float = 0.0) -> Cells:
    """Divide a mask (H,W), or an object that is indexed like one, into cells, in one pass.

    Args:
        mask: uint8, uint16 or float in 0..1.
        tile: Rows processed at a time, a power of two; cells divide tiles of this side.
        floor: Coverage, 0..1, up to which a pixel counts as black.
    """
    height, width = mask.shape
    side = 1
    while side < tile and side * 2 * FINEST <= max(height, width):
        side *= 2
    level = floor * (np.iinfo(mask.dtype).max if mask.dtype.kind == "u" else 1)
    parts, levels = [], []
    for top in range(0, height, tile):
        strip = mask[top : top + tile, :]
        levels += [strip.min(), strip.max()]
        parts.append(_strip(strip > level, top, side))
    columns = [np.concatenate(values) for values in zip(*parts, strict=True)]
    area, highest, lowest, left, right = columns
    return Cells(side, area, highest, lowest, left, right, float(np.min(levels)), float(np.max(levels)))


def _strip(covered: NDArray[np.bool_], first: int, side: int) -> tuple[NDArray[np.int64], ...]:
    """Return the fields of `Cells` for some rows from row `first` on; cells at the end may be partial."""
    rows, columns = (-(-length // side) for length in covered.shape)
    padded = np.zeros((rows * side, columns * side), np.uint8)
    padded[: covered.shape[0], : covered.shape[1]] = covered
    by_column = np.add.reduce(padded.reshape(rows, side, columns, side), axis=1, dtype=np.uint16)
    by_row = _any_of(padded, side).reshape(rows, side, columns)
    down = first + side * np.arange(rows)[:, None]
    across = side * np.arange(columns)[None]
    has_column = by_column > 0
    return (
        by_column.sum(2, dtype=np.int64),
        down + by_row.argmax(1),
        down + side - by_row[:, ::-1].argmax(1),
        across + has_column.argmax(2),
        across + side - has_column[..., ::-1].argmax(2),
    )


def _any_of(flags: NDArray[np.uint8], side: int) -> NDArray[np.bool_]:
    """Return whether any value is set, for groups of `side` values in a row.

    Eight values are tested at a time, because NumPy's `any` is slow here.
    """
    step = min(side, 8)
    words = flags.view(f"u{step}").reshape(len(flags), -1, side // step)
    joined = words[..., 0].copy()
    for k in range(1, words.shape[2]):
        joined |= words[..., k]
    return joined != 0
