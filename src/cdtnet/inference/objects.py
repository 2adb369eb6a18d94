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

GAP = 0.02  # parts of a mask with smaller gaps, as a share of the picture's longer side, are one object
SPECK = 0.004  # parts with a smaller share of the foreground are specks, not objects
MOST_SPECKS = 0.1  # share of specks in the foreground above which it is one object
MOST_OBJECTS = 8


class Part(NamedTuple):
    """One object of a foreground.

    Attributes:
        mask: (H,W), or an object that is indexed like it; black on other objects, and where coverage is
            negligible.
        extent: The bounding window of the object, without specks.
        seen: (H,W), the mask for the analysis: without specks.
    """

    mask: Any
    extent: Window
    seen: Any


class Foreground(NamedTuple):
    """The foreground of a picture.

    Attributes:
        parts: Its objects, the largest of each mask first; empty if all masks are black.
        windows: The parts of tiles that it touches, from top to bottom.
        remark: What is unusual about the masks, in a sentence; None if at least one of them is usual.
    """

    parts: Sequence[Part]
    windows: Sequence[Window]
    remark: str | None


def find_foreground(masks: Sequence[Any], tile: int, *, apart: bool) -> Foreground:
    """Find the objects of masks (H,W) in one pass from top to bottom.

    Args:
        masks: Masks of the same picture, with one or several objects each.
        tile: The side of the tiles in pixels, a power of two.
        apart: Whether to separate the objects of a mask, and to ignore specks and coverage of up to
            `NEGLIGIBLE`. If not, the part of a mask that is not black is one object.

    Raises:
        PictureError: A float mask has NaN or values outside 0..1.
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
    """Return the foreground with all objects of its one mask (H,W) merged."""
    if len(foreground.parts) < 2:
        return foreground
    extent = foreground.parts[0].extent
    for part in foreground.parts[1:]:
        extent = extent.union(part.extent)
    return foreground._replace(parts=[Part(_Masked(mask), extent, _Masked(mask))])


def _objects(mask: Any, cells: Cells) -> list[Part]:
    """Return the objects of a mask, the largest first.

    Parts are one object if the gap between them is small. Specks are added to the nearest object without
    changing its extent. Objects beyond the largest `MOST_OBJECTS` are merged with the nearest one.
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
    """Return the numbers (h,w) of connected squares; squares that are not covered have numbers, too."""
    image = pyvips.Image.new_from_array(covered)
    return np.asarray(image.labelregions().numpy()).reshape(covered.shape).astype(np.int64) + 1


def _extents(cells: Cells, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bounding windows of labels (h,w), (labels,4): top, left, bottom, right."""
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
    """Return distances (n,m) between rectangles (n,4) and (m,4) in pixels: the larger one of both axes."""
    one, other = first[:, None], second[None]
    gaps = np.maximum(one[..., :2] - other[..., 2:], other[..., :2] - one[..., 2:])
    return gaps.max(-1).clip(min=0)


class _Masked:
    """A mask that is black outside of some squares and where coverage is negligible.

    Args:
        mask: (H,W).
        squares: (h,w), the squares to keep; all by default.
        side: The side of the squares in pixels.
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
