"""Editing the edge of a mask: grow, shrink or soften it by some pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError
from .depth import full_scale
from .geometry import extent

FURTHEST = 500  # largest distance in pixels
_FAINTEST = 0.01  # share of a Gaussian's peak at which it is truncated


def check_edge(grow: int, feather: float) -> None:
    """Refuse to move an edge by more than `FURTHEST` pixels.

    Raises:
        PictureError: A value is out of its range.
    """
    if not -FURTHEST <= grow <= FURTHEST:
        raise PictureError(f"A mask is grown or shrunk by up to {FURTHEST} pixels, not by {abs(grow)}.")
    if not 0 <= feather <= FURTHEST:
        raise PictureError(f"A mask is feathered by 0 to {FURTHEST} pixels, not by {feather:g}.")


def adjust_mask(mask: NDArray[Any], *, grow: int = 0, feather: float = 0.0) -> NDArray[Any]:
    """Move the edge of a mask, then soften it.

    The border of the picture is not an edge: foreground that touches it is assumed to continue beyond.

    Args:
        mask: (H,W) uint8, uint16 or float32; the full range, or 0..1, is full coverage.
        grow: Pixels by which it gets wider in all directions, or narrower if negative.
        feather: Pixels to either side over which the edge is softened: a Gaussian blur with half that sigma.

    Returns:
        (H,W), a new array of the same type.

    Raises:
        PictureError: A number of pixels is out of its range.
    """
    check_edge(grow, feather)
    adjusted = mask.copy()
    if covered := extent(mask):
        window = covered.grow(max(grow, 0) + reach(feather) + 1, *mask.shape)
        part = mask[window.slices]
        part = _widened(part, grow) if grow >= 0 else invert_mask(_widened(invert_mask(part), -grow))
        adjusted[window.slices] = _softened(part, feather / 2) if feather else part
    return adjusted


def invert_mask(mask: NDArray[Any]) -> NDArray[Any]:
    """Return the mask (H,W) of what a mask leaves out."""
    return (mask.dtype.type(full_scale(mask.dtype)) - mask).astype(mask.dtype, copy=False)


def reach(feather: float) -> int:
    """Return the largest number of pixels by which feathering moves an edge outwards."""
    return math.ceil(feather / 2 * math.sqrt(-2 * math.log(_FAINTEST)))


def _widened(mask: NDArray[Any], radius: int) -> NDArray[Any]:
    """Return the maximum over a disc around each pixel."""
    widest = mask.copy()
    height = mask.shape[0]
    for down in range(-radius, radius + 1) if radius else ():
        row = _widened_rows(mask, math.isqrt(radius * radius - down * down))
        target = slice(max(down, 0), height + min(down, 0))
        source = slice(max(-down, 0), height + min(-down, 0))
        np.maximum(widest[target], row[source], out=widest[target])
    return widest


def _widened_rows(mask: NDArray[Any], half: int) -> NDArray[Any]:
    """Return the maximum over `half` pixels to the left and right of each."""
    span, length = 2 * half + 1, 1
    largest = np.pad(mask, ((0, 0), (half, half)))
    while 2 * length <= span:
        largest = np.maximum(largest[:, :-length], largest[:, length:])
        length *= 2
    rest = span - length
    return np.maximum(largest[:, : largest.shape[1] - rest], largest[:, rest:])


def _softened(mask: NDArray[Any], sigma: float) -> NDArray[Any]:
    image = pyvips.Image.new_from_array(np.ascontiguousarray(mask)).cast("float")
    soft: NDArray[Any] = image.gaussblur(sigma, min_ampl=_FAINTEST, precision="float").numpy()
    soft = soft.reshape(mask.shape)
    if mask.dtype.kind == "u":
        soft = np.rint(soft)
    return np.clip(soft, 0, full_scale(mask.dtype)).astype(mask.dtype)
