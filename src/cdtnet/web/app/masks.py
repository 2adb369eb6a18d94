"""Masks painted on the page, brought to the picture's size, and edited there."""

from __future__ import annotations

import math
from typing import Any

import pyvips
from numpy.typing import NDArray

from ...errors import PictureError
from ...imaging import Picture
from ...imaging.depth import full_scale

FURTHEST = 500.0  # pixels by which a mask may be feathered, grown or shrunk
_TAIL = 0.1587  # of a Gaussian, beyond one standard deviation
_SLOPE = 0.242  # of a blurred edge there, times the standard deviation
_SHAPE_TOLERANCE = 0.01  # by which proportions may differ: rounding when a picture was reduced


def check_shape(mask: Picture, picture: Picture) -> None:
    """Refuse a mask that is not of a picture's shape; another size will do.

    Raises:
        PictureError: It has other proportions, so that it belongs to another picture.
    """
    ratio = mask.width * picture.height / (mask.height * picture.width)
    if abs(ratio - 1) > _SHAPE_TOLERANCE:
        raise PictureError(
            f"The mask has {mask.width}×{mask.height} pixels and the picture "
            f"{picture.width}×{picture.height}; load one of the same shape."
        )


def paint(mask: NDArray[Any], strokes: Picture) -> NDArray[Any]:
    """A mask with strokes over it: where they are opaque, their brightness takes its place.

    Args:
        mask: (H, W), any depth.
        strokes: 8-bit RGB with alpha; white adds to the mask, black takes away. Of any size: scaled up to the
            mask's, bilinearly, which makes their edges soft.

    Returns:
        (H, W) of the mask's depth.

    Raises:
        PictureError: The strokes have no alpha channel.
    """
    if strokes.pixels.shape[2] != 4:
        raise PictureError("Strokes are RGB with alpha.")
    height, width = mask.shape
    drawn = pyvips.Image.new_from_array(strokes.pixels) / 255
    both = (drawn[0] * drawn[3]).bandjoin(drawn[3])
    both = both.resize(width / strokes.width, vscale=height / strokes.height, kernel="linear")
    base = pyvips.Image.new_from_array(mask)
    painted = base * (1 - both[1]) + both[0] * full_scale(mask.dtype)
    if mask.dtype.kind == "u":
        painted = painted.rint()
    return painted.cast(base.format).numpy().reshape(height, width)


def inverted(mask: NDArray[Any]) -> NDArray[Any]:
    """White for black."""
    turned: NDArray[Any] = full_scale(mask.dtype) - mask
    return turned.astype(mask.dtype)


def feathered(mask: NDArray[Any], pixels: float) -> NDArray[Any]:
    """A mask (H,W) with softer edges.

    Args:
        mask: Any depth.
        pixels: Standard deviation of the blur, above 0.

    Raises:
        PictureError: The distance is out of range.
    """
    return _native(_blurred(mask, pixels), mask)


def grown(mask: NDArray[Any], pixels: float) -> NDArray[Any]:
    """A mask (H,W) whose edge is moved outwards, with corners rounded and the edge about a pixel soft.

    Args:
        mask: Any depth.
        pixels: How far; below 0 moves it inwards.

    Raises:
        PictureError: The distance is out of range.
    """
    if pixels < 0:
        return inverted(grown(inverted(mask), -pixels))
    white = full_scale(mask.dtype)
    edge = (_blurred(mask, pixels) / white - _TAIL) * (pixels / _SLOPE) + 0.5
    return _native((edge < 0).ifthenelse(0, (edge > 1).ifthenelse(1, edge)) * white, mask)


def _blurred(mask: NDArray[Any], pixels: float) -> Any:
    if not 0 < pixels <= FURTHEST:
        raise PictureError(
            f"Give a distance of more than 0 and at most {FURTHEST:.0f} pixels, not {pixels:g}."
        )
    image = pyvips.Image.new_from_array(mask).cast("float")
    height, width = mask.shape
    step = max(int(pixels / 4), 1)  # a wide blur is as good at low resolution, and fast there
    margin = math.ceil(4 * pixels / step) * step  # the frame's edge is no edge of the object
    down, across = (-length % step for length in mask.shape)
    image = image.embed(
        margin, margin, width + across + 2 * margin, height + down + 2 * margin, extend="copy"
    )
    image = image.shrink(step, step).gaussblur(pixels / step, min_ampl=0.01, precision="float")
    if step > 1:
        image = image.resize(step, kernel="cubic")
    return image.crop(margin, margin, width, height)


def _native(image: Any, mask: NDArray[Any]) -> NDArray[Any]:
    """The values of an image in a mask's depth."""
    if mask.dtype.kind == "u":
        image = image.rint()
    values: NDArray[Any] = image.numpy().reshape(mask.shape)
    return values.astype(mask.dtype)
