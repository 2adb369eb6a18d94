"""Refining rough masks to visible edges: GrabCut at low resolution, then a guided filter.

Rother et al., "GrabCut", SIGGRAPH 2004; He and Sun, "Fast guided filter", arXiv 1505.00996.
"""

from __future__ import annotations

import warnings
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .cells import survey
from .contrast import FAINT, Steps, contrast, peak, steps
from .convert import to_picture
from .depth import full_scale
from .geometry import Window, low_positions, tiles
from .masks import coverage, to_mask

SIDE = 384  # longer side in pixels at which the edge is searched
AROUND = 0.3  # margin around the object, as a share of its longer side
OFF = 0.07  # largest error of a rough mask, as a share of the root of the object's area
TURNS = 3  # iterations of GrabCut
RADIUS = 3  # radius of the guided filter, in low-resolution pixels
SMOOTH = 1e-4  # variance of colors, in 0..1, below which the filter smooths
STEEP = 2.5  # factor by which its result is made steeper
SURE = 1.5  # contrast of an exact edge, as a multiple of that at other widths
MOST_PARTS = 8
_TILE = 256
_LEFT = "The mask is left as it is: the picture shows no edge that fits it."

FloatArray = NDArray[np.float32]


def snap_mask(image: Any, mask: Any, *, resize_mask: bool = False) -> NDArray[Any]:
    """Refine a rough mask to the edges of the object that it covers.

    The edge moves by up to a fourteenth of the object's size. Other parts of the mask are not changed.

    Args:
        image: The picture: a path, a PIL image, a Picture or an array, as for `Harmonizer`.
        mask: The rough mask: the same kinds, of the picture's size; white is foreground.
        resize_mask: Whether to accept a mask of another size, and resize it.

    Returns:
        (H,W), in the mask's depth: uint8, uint16 or float32.

    Raises:
        PictureError: The picture or the mask cannot be used.

    Warns:
        UserWarning: No edge was found, and the mask is unchanged.
    """
    picture = to_picture(image)
    soft = to_mask(mask, picture.height, picture.width, resize=resize_mask)
    snapped, remark = snap(picture.pixels, soft)
    if remark:
        warnings.warn(remark, stacklevel=2)
    return snapped


def snap(pixels: NDArray[Any], mask: NDArray[Any]) -> tuple[NDArray[Any], str | None]:
    """Refine a mask (H,W) of pixels (H,W,C); see `snap_mask`.

    Returns:
        The mask, and a message if the whole mask or a part is unchanged.
    """
    snapped, left = mask.copy(), False
    for extent in _parts(mask):
        grown = extent.grow(margin(extent), *mask.shape)
        refined = refine(pixels[grown.slices], mask[grown.slices])
        if refined is None:
            left = True
        else:
            snapped[grown.slices] = refined
    return snapped, _LEFT if left else None


def _parts(mask: NDArray[Any]) -> list[Window]:
    """Return the bounding windows of the largest parts of a mask."""
    cells = survey(mask, _TILE, floor=0.5)
    covered = (cells.area > 0).astype(np.uint8)
    near = cv2.dilate(covered, np.ones((5, 5), np.uint8))
    labels = np.where(covered, cv2.connectedComponents(near)[1], 0)
    areas = np.bincount(labels.ravel(), weights=cells.area.ravel())
    areas[0] = 0
    largest = np.argsort(-areas, kind="stable")[:MOST_PARTS]
    return [cells.extent(labels == label) for label in largest if areas[label] > 0.01 * areas.sum()]


class Edge:
    """The edge of a mask (S,S) in a picture (S,S,3) at low resolution, both in 0..1."""

    def __init__(self, image: FloatArray, mask: FloatArray):
        self._steps, self._inside = steps(_bytes(image)), (mask > 0.5).astype(np.uint8)

    @property
    def is_sharp(self) -> bool:
        """Whether the mask is exact, or has no edge."""
        if not self._inside.any() or self._inside.all():
            return True
        return peak(self._steps, self._inside, _reach(self._inside)) > SURE

    def gain(self, mask: FloatArray) -> float:
        """Return the contrast across the edge of another mask (S,S), divided by that across this one's."""
        return contrast(self._steps, mask > 0.5) / max(contrast(self._steps, self._inside), FAINT)


def _reach(inside: NDArray[np.uint8]) -> int:
    """Return the largest error of the edge of a mask (S,T), 0 or 1, in pixels."""
    return max(round(OFF * float(inside.sum()) ** 0.5), 2)


def margin(extent: Window) -> int:
    """Return the number of pixels around an object that are needed to find its edge."""
    return max(round(AROUND * max(extent.size)), 8)


def refine(pixels: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any] | None:
    """Refine the mask (h,w) of one object in pixels (h,w,C); None if no edge is found that fits the mask."""
    height, width = mask.shape
    scale = min(SIDE / max(height, width), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    low: Any = cv2.resize(_bytes(_sparse(pixels, scale)), size, interpolation=cv2.INTER_AREA)
    rough: Any = cv2.resize(coverage(_sparse(mask, scale)), size, interpolation=cv2.INTER_AREA)
    found = _cut(low, rough, steps(low))
    return None if found is None else _enlarged(pixels, mask, low, *found)


def _cut(
    low: NDArray[np.uint8], rough: FloatArray, differences: Steps
) -> tuple[FloatArray, NDArray[np.bool_]] | None:
    """Find the edge of an object at low resolution by GrabCut.

    Args:
        low: (S,T,3), the picture.
        rough: (S,T), the mask, 0..1.
        differences: The color differences of the picture, see `steps`.

    Returns:
        (S,T), 1 inside and 0 outside, and (S,T), where the edge may be; None if there is no edge, or none
        that fits the mask.
    """
    inside = (rough > 0.5).astype(np.uint8)
    area, reach = int(inside.sum()), _reach(inside)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    sure, possible = cv2.erode(inside, disc, borderValue=1), cv2.dilate(inside, disc, borderValue=0)
    if not sure.any() or possible.all():
        return None
    labels = np.where(inside > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[sure > 0], labels[possible == 0] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)
    try:
        behind, before = np.zeros((1, 65)), np.zeros((1, 65))  # GrabCut's color models
        cv2.grabCut(low, labels, (0, 0, 1, 1), behind, before, TURNS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:
        return None
    cut = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
    if abs(cut.sum() - area) > area / 2 or contrast(differences, cut) < FAINT:
        return None
    return cut, (possible > 0) & (sure == 0)


def _sparse(values: NDArray[Any], scale: float) -> NDArray[Any]:
    """Sample about four rows and columns per wanted one, to read only a part of a picture."""
    step = max(int(1 / scale) // 4, 1)
    return np.ascontiguousarray(values[::step, ::step])


def _bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert pixels (h,w,C) to 8-bit RGB without alpha."""
    color = pixels[..., :3] if pixels.shape[2] > 2 else np.repeat(pixels[..., :1], 3, axis=2)
    return color if color.dtype == np.uint8 else np.rint(255 * coverage(color)).astype(np.uint8)


def _enlarged(
    pixels: NDArray[Any],
    mask: NDArray[Any],
    low: NDArray[np.uint8],
    cut: FloatArray,
    band: NDArray[np.bool_],
) -> NDArray[Any]:
    """Upsample the mask (h,w) with its edge from the low-resolution cut and the picture's colors.

    Args:
        pixels: (h,w,C), the picture.
        mask: (h,w), the given mask.
        low: (S,T,3), the picture at low resolution.
        cut: (S,T), 0 or 1.
        band: (S,T), where the edge may be; elsewhere the mask is unchanged.
    """
    guide = np.divide(low, 255, dtype=np.float32)
    coefficients = _filter(guide, cut)
    refined, white = mask.copy(), full_scale(mask.dtype)
    (height, width), (rows, columns) = mask.shape, cut.shape
    for window in tiles(height, width, _TILE):
        down = low_positions(window.top, window.bottom, height, rows)
        across = low_positions(window.left, window.right, width, columns)
        around = (
            slice(int(down.min()), int(down.max()) + 2),
            slice(int(across.min()), int(across.max()) + 2),
        )
        if not band[around].any():
            continue
        x, y = (axis.astype(np.float32) for axis in np.meshgrid(across, down))
        here = _at(coefficients, x, y)
        color = _bytes(pixels[window.slices]).astype(np.float32) / 255
        soft = (here[..., :3] * color).sum(2) + here[..., 3]
        soft = np.clip(STEEP * (soft - 0.5) + 0.5, 0, 1)
        amount = _at(band.astype(np.float32), x, y)
        before = coverage(mask[window.slices])
        after = white * (before + amount * (soft - before))
        refined[window.slices] = np.rint(after) if mask.dtype.kind == "u" else after
    return refined


def _at(values: FloatArray, x: FloatArray, y: FloatArray) -> Any:
    """Interpolate values (S,T,…) bilinearly at positions x and y, (h,w)."""
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _filter(guide: FloatArray, cut: FloatArray) -> FloatArray:
    """Return the coefficients (S,T,4) of the guided filter: weights of the three colors, and an offset."""

    def mean(values: Any) -> Any:
        side = 2 * RADIUS + 1
        return cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT)

    center, level = mean(guide), mean(cut)
    spread = mean((guide[..., :, None] * guide[..., None, :]).reshape(*cut.shape, 9)).reshape(
        *cut.shape, 3, 3
    )
    spread = spread - center[..., :, None] * center[..., None, :] + SMOOTH * np.eye(3, dtype=np.float32)
    shared = mean(guide * cut[..., None]) - center * level[..., None]
    weights = np.linalg.solve(spread, shared[..., None])[..., 0].astype(np.float32)
    rest = level - (weights * center).sum(2)
    return np.dstack((mean(weights), mean(rest)))
