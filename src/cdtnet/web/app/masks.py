"""Masks that were painted on the page, resized to the picture."""

from __future__ import annotations

from typing import Any

import pyvips
from numpy.typing import NDArray

from ...errors import PictureError
from ...imaging import Picture
from ...imaging.depth import full_scale

_SHAPE_TOLERANCE = 0.01  # tolerance of aspect ratios, for rounding in reduced pictures


def check_shape(mask: Picture, picture: Picture) -> None:
    """Refuse a mask whose aspect ratio differs from the picture's; it may have another size.

    Raises:
        PictureError: The aspect ratio differs, so that the mask belongs to another picture.
    """
    ratio = mask.width * picture.height / (mask.height * picture.width)
    if abs(ratio - 1) > _SHAPE_TOLERANCE:
        raise PictureError(
            f"The mask has {mask.width}×{mask.height} pixels and the picture "
            f"{picture.width}×{picture.height}; load one with the same aspect ratio."
        )


def paint(mask: NDArray[Any], strokes: Picture) -> NDArray[Any]:
    """Paint strokes over a mask: opaque parts replace it by their brightness.

    Args:
        mask: (H, W), any depth.
        strokes: 8-bit RGB with alpha, in any size; white adds to the mask, black removes. They are scaled to
            the mask's size bilinearly, which softens their edges.

    Returns:
        (H, W), in the mask's depth.

    Raises:
        PictureError: The strokes have no alpha channel.
    """
    if strokes.pixels.shape[2] != 4:
        raise PictureError("Strokes must be RGB with alpha.")
    height, width = mask.shape
    drawn = pyvips.Image.new_from_array(strokes.pixels) / 255
    both = (drawn[0] * drawn[3]).bandjoin(drawn[3])
    both = both.resize(width / strokes.width, vscale=height / strokes.height, kernel="linear")
    base = pyvips.Image.new_from_array(mask)
    painted = base * (1 - both[1]) + both[0] * full_scale(mask.dtype)
    if mask.dtype.kind == "u":
        painted = painted.rint()
    return painted.cast(base.format).numpy().reshape(height, width)
