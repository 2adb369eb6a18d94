"""The objects of a foreground: parts of a mask that are analyzed separately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

from ..config import NEGLIGIBLE
from ..imaging.cells import Cells, survey
from ..imaging.depth import full_scale
from ..imaging.geometry import Window
from ..imaging.masks import describe_levels
from ..imaging.meaning import check_levels

GAP = 0.02  # parts of a mask that are closer than this, of the picture's longer side, are one object
SPECK = 0.004  # parts smaller than this, of the foreground, are no objects of their own
MOST_SPECKS = 0.1  # of the foreground; where specks are more of it, it is taken as one object
MOST_OBJECTS = 8


class Part(NamedTuple):
    """One object of a foreground.

    Attributes:
        mask: (H,W), or what is indexed like it; black where the foreground belongs to another object, and
            where it covers next to nothing.
        extent: what the object covers, without specks.
        seen: (H,W), what is looked at: the mask without specks.
    """

    mask: Any
    extent: Window
    seen: Any


class Foreground(NamedTuple):
    """All that is to be harmonized in a picture.

    Attributes:
        parts: its objects, the largest of each mask first; none if all masks are black.
        windows: the parts of tiles that it touches, from top to bottom.
        remark: what is odd about the masks, in a sentence; None where one of them is as it should be.
    """

    parts: Sequence[Part]
    windows: Sequence[Window]
    remark: str | None


def find_foreground(masks: Sequence[Any], tile: int, *, apart: bool) -> Foreground:
    """Look through masks (H,W) from top to bottom.

    Args:
        masks: of the same picture; each holds one object or several.
        tile: side of the tiles, in pixels, a power of two.
        apart: whether to find the objects of each mask and to disregard specks and coverage of up to
            `NEGLIGIBLE`. If not, each mask is one object, wherever it is not black.

    Raises:
        PictureError: A float mask holds NaN or values beyond 0..1.
    """
    parts: list[Part] = []
    remarks: list[str | None] = []
    touched: dict[tuple[int, int], Window] = {}
    for mask in masks:
        cells = survey(mask, tile, floor=NEGLIGIBLE if apart else 0.0)
        check_levels(cells.darkest, cells.brightest, mask.dtype)
        remarks.append(describe_levels(cells.darkest, cells.brightest, mask.dtype))
        if apart:
            parts += _objects(mask, cells)
        elif cells.area.any():
            parts.append(Part(mask, cells.extent(cells.area > 0), mask))
        for window in cells.windows(tile):
            place = window.top // tile, window.left // tile
            touched[place] = window.union(touched.get(place, window))
    remark = remarks[0] if all(remarks) else None
    return Foreground(parts, [touched[place] for place in sorted(touched)], remark)


def as_one(foreground: Foreground, mask: Any) -> Foreground:
    """The same with all objects of its one mask (H,W) taken as one."""
    if len(foreground.parts) < 2:
        return foreground
    extent = foreground.parts[0].extent
    for part in foreground.parts[1:]:
        extent = extent.union(part.extent)
    return foreground._replace(parts=[Part(_Masked(mask), extent, _Masked(mask))])


def _objects(mask: Any, cells: Cells) -> list[Part]:
    """The objects of a mask, the largest first.

    Parts are one object if the gap between them is small. Specks belong to the nearest object, whose extent
    they don't change; so do objects beyond the largest `MOST_OBJECTS`, whose extent they do.
    """
    covered = cells.area > 0
    if not covered.any():
        return []
    near = max(round(GAP * max(mask.shape) / cells.side / 2), 1)
    labels = np.where(
        covered, _connected(cv2.dilate(covered.astype(np.uint8), np.ones((2 * near + 1, 2 * near + 1)))), 0
    )
    areas = np.bincount(labels.ravel(), weights=cells.area.ravel())
    order = np.argsort(-areas, kind="stable")
    objects = order[areas[order] >= SPECK * areas.sum()]
    specks = order[len(objects) :][areas[order[len(objects) :]] > 0]
    if areas[specks].sum() > MOST_SPECKS * areas.sum():
        shown = _Masked(mask)
        return [Part(shown, cells.extent(covered), shown)]
    boxes = _extents(cells, labels)
    first, others = objects[:MOST_OBJECTS], objects[MOST_OBJECTS:]
    if len(objects) == 1 and not len(specks):
        shown = _Masked(mask)
        return [Part(shown, Window(*boxes[first[0]].tolist()), shown)]
    numbers = np.zeros(len(areas), np.uint8)
    numbers[first] = np.arange(1, len(first) + 1)
    numbers[others] = 1 + _distances(boxes[others], boxes[first]).argmin(1)
    solid = numbers[labels]
    numbers[specks] = 1 + _distances(boxes[specks], boxes[first]).argmin(1)
    own = numbers[labels]
    parts = []
    for number, main in enumerate(first, start=1):
        extent = Window(*boxes[main].tolist())
        for other in others[numbers[others] == number]:
            extent = extent.union(Window(*boxes[other].tolist()))
        shown = _Masked(mask, own == number, cells.side) if len(first) > 1 else _Masked(mask)
        parts.append(Part(shown, extent, _Masked(mask, solid == number, cells.side)))
    return parts


def _connected(covered: Any) -> NDArray[np.int64]:
    """Numbers (h,w) of connected squares; what is not covered is numbered as well."""
    image = pyvips.Image.new_from_array(covered)
    return np.asarray(image.labelregions().numpy()).reshape(covered.shape).astype(np.int64) + 1


def _extents(cells: Cells, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the squares (h,w) of each label cover, (labels,4): top, left, bottom, right."""
    covered = cells.area > 0
    found, count = labels[covered], int(labels.max()) + 1
    boxes = np.zeros((count, 4), np.int64)
    boxes[:, :2] = np.iinfo(np.int64).max
    for column, (extreme, places) in enumerate(
        (
            (np.minimum, cells.top),
            (np.minimum, cells.left),
            (np.maximum, cells.bottom),
            (np.maximum, cells.right),
        )
    ):
        extreme.at(boxes[:, column], found, places[covered])
    return boxes


def _distances(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Between rectangles (n,4) and (m,4), in pixels, on the axis on which they are further apart: (n,m)."""
    one, other = first[:, None], second[None]
    gaps = np.maximum(one[..., :2] - other[..., 2:], other[..., :2] - one[..., 2:])
    return gaps.max(-1).clip(min=0)


class _Masked:
    """A mask, black outside of some squares and where it covers next to nothing.

    Args:
        mask: (H,W).
        squares: (h,w), those that are kept; all if none are given.
        side: of the squares, in pixels.
    """

    def __init__(self, mask: Any, squares: NDArray[np.bool_] | None = None, side: int = 1):
        self.shape, self.dtype = mask.shape, mask.dtype
        self._mask, self._squares, self._side = mask, squares, side
        self._level = NEGLIGIBLE * full_scale(mask.dtype)

    def __getitem__(self, key: tuple[slice, slice]) -> NDArray[Any]:
        values = self._mask[key]
        kept = values > self._level
        if self._squares is not None:
            rows, columns = (
                np.arange(*part.indices(length)) // self._side
                for part, length in zip(key, self.shape, strict=True)
            )
            kept &= self._squares[rows][:, columns]
        return np.where(kept, values, 0).astype(self.dtype, copy=False)
