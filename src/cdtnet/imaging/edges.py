"""The edge of a mask: grown, shrunk or softened by some pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError
from .depth import full_scale
from .geometry import extent

FURTHEST = 500  # pixels
_FAINTEST = 0.01  # of a Gaussian's peak, where it is cut off


def check_edge(grow: int, feather: float) -> None:
    """Refuse to move an edge further than `FURTHEST`.

    Raises:
        PictureError: One of them is out of its range.
    """
    if not -FURTHEST <= grow <= FURTHEST:
        raise PictureError(f"A mask is grown or shrunk by up to {FURTHEST} pixels, not by {abs(grow)}.")
    if not 0 <= feather <= FURTHEST:
        raise PictureError(f"A mask is feathered by 0 to {FURTHEST} pixels, not by {feather:g}.")


def adjust_mask(mask: NDArray[Any], *, grow: int = 0, feather: float = 0.0) -> NDArray[Any]:
    """Move the edge of a mask, then soften it.

    The border of the picture is no edge: what reaches it goes on beyond.

    Args:
        mask: (H,W) uint8, uint16 or float32; the full range, or 0..1, is full coverage.
        grow: pixels by which it gets wider, in all directions; below zero, narrower.
        feather: pixels to either side over which the edge gets soft: a Gaussian blur of half that sigma.

    Returns:
        (H,W) of the same type; a new array.

    Raises:
        PictureError: a number of pixels is out of its range.
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
    """The mask (H,W) of what a mask leaves out."""
    return (mask.dtype.type(full_scale(mask.dtype)) - mask).astype(mask.dtype, copy=False)


def reach(feather: float) -> int:
    """How many pixels a feathered edge moves outwards at most."""
    return math.ceil(feather / 2 * math.sqrt(-2 * math.log(_FAINTEST)))


def _widened(mask: NDArray[Any], radius: int) -> NDArray[Any]:
    """The largest value within a disc around each pixel."""
    widest = mask.copy()
    height = mask.shape[0]
    for down in range(-radius, radius + 1) if radius else ():
        row = _widened_rows(mask, math.isqrt(radius * radius - down * down))
        target = slice(max(down, 0), height + min(down, 0))
        source = slice(max(-down, 0), height + min(-down, 0))
        np.maximum(widest[target], row[source], out=widest[target])
    return widest


def _widened_rows(mask: NDArray[Any], half: int) -> NDArray[Any]:
    """The largest value of the `half` pixels left and right of each."""
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
