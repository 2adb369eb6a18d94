"""The objects of a foreground: which parts of a mask are analyzed apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..config import NEGLIGIBLE
from ..imaging.cells import Cells, survey
from ..imaging.geometry import Window

GAP = 0.02  # parts of a mask that are closer than this, of the picture's longer side, are one object
SPECK = 0.004  # parts smaller than this, of the foreground, are no objects of their own
MOST_OBJECTS = 8


class Part(NamedTuple):
    """One object of a foreground.

    Attributes:
        mask: (H,W), or what is indexed like it; black where the foreground belongs to another object.
        extent: what the object covers, without specks.
    """

    mask: Any
    extent: Window


class Foreground(NamedTuple):
    """All that is to be harmonized in a picture.

    Attributes:
        parts: its objects, the largest of each mask first; none if all masks are black.
        windows: the parts of tiles that it touches, from top to bottom.
        levels: the darkest and the brightest value of the masks.
    """

    parts: Sequence[Part]
    windows: Sequence[Window]
    levels: tuple[float, float]


def find_foreground(masks: Sequence[Any], tile: int, *, apart: bool) -> Foreground:
    """Look through masks (H,W) from top to bottom.

    Args:
        masks: of the same picture; each holds one object or several.
        tile: side of the tiles, in pixels, a power of two.
        apart: whether to find the objects of each mask and to disregard specks and coverage of up to
            `NEGLIGIBLE`. If not, each mask is one object, wherever it is not black.
    """
    parts: list[Part] = []
    levels: list[float] = []
    touched: dict[tuple[int, int], Window] = {}
    for mask in masks:
        cells = survey(mask, tile, floor=NEGLIGIBLE if apart else 0.0)
        if apart:
            parts += _objects(mask, cells)
        elif cells.area.any():
            parts.append(Part(mask, cells.extent(cells.area > 0)))
        levels += [cells.darkest, cells.brightest]
        for window in cells.windows(tile):
            place = window.top // tile, window.left // tile
            touched[place] = window.union(touched.get(place, window))
    # NaN passes through NumPy's extremes
    extremes = float(np.min(levels)), float(np.max(levels))
    return Foreground(parts, [touched[place] for place in sorted(touched)], extremes)


def _objects(mask: Any, cells: Cells) -> list[Part]:
    """The objects of a mask, the largest first.

    Parts are one object if the gap between them is small. What is too small to be an object belongs to the
    nearest one.
    """
    covered = cells.area > 0
    if not covered.any():
        return []
    near = max(round(GAP * max(mask.shape) / cells.side / 2), 1)
    labels = np.where(covered, _connected(_grown(covered, near)), 0)
    areas = np.bincount(labels.ravel(), weights=cells.area.ravel())
    wanted = [k for k in np.argsort(areas)[::-1][:MOST_OBJECTS] if areas[k] >= SPECK * areas.sum()]
    extents = [cells.extent(labels == k) for k in wanted]
    if len(wanted) == 1:
        return [Part(mask, extents[0])]
    numbers = np.zeros(len(areas), np.uint8)
    numbers[wanted] = np.arange(1, len(wanted) + 1)
    for speck in set(np.unique(labels[covered])) - set(wanted):
        apart = [_distance(cells.extent(labels == speck), extent) for extent in extents]
        numbers[speck] = 1 + int(np.argmin(apart))
    own = numbers[labels]
    return [
        Part(_Labeled(mask, own, number, cells.side), extent)
        for number, extent in enumerate(extents, start=1)
    ]


def _grown(covered: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Squares (h,w) that are covered or at most `reach` away from one that is, diagonally too."""
    for axis in (0, 1):
        sums = np.pad(covered, [(reach + 1, reach) if a == axis else (0, 0) for a in (0, 1)]).cumsum(axis)
        length, span = covered.shape[axis], 2 * reach + 1
        after, before = (sums.take(range(start, start + length), axis) for start in (span, 0))
        covered = after > before
    return covered


def _connected(covered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Numbers (h,w) of connected squares; what is not covered is numbered as well."""
    image = pyvips.Image.new_from_array(covered.astype(np.uint8))
    return np.asarray(image.labelregions().numpy()).reshape(covered.shape).astype(np.int64) + 1


def _distance(first: Window, second: Window) -> int:
    """Between two rectangles, in pixels, along the axis on which they are further apart."""
    down = max(first.top - second.bottom, second.top - first.bottom, 0)
    return max(down, first.left - second.right, second.left - first.right)


class _Labeled:
    """A mask where a grid of labels says that it belongs to one object, black elsewhere.

    Args:
        mask: (H,W).
        labels: (h,w), of squares of the mask.
        number: the object's label.
        side: of the squares, in pixels.
    """

    def __init__(self, mask: Any, labels: NDArray[np.uint8], number: int, side: int):
        self.shape, self.dtype = mask.shape, mask.dtype
        self._mask, self._labels, self._number, self._side = mask, labels, number, side

    def __getitem__(self, key: tuple[slice, slice]) -> NDArray[Any]:
        rows, columns = (
            np.arange(*part.indices(length)) // self._side
            for part, length in zip(key, self.shape, strict=True)
        )
        own = self._labels[rows][:, columns] == self._number
        return np.where(own, self._mask[key], 0).astype(self.dtype, copy=False)
