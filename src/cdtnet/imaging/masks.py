"""Masks: white is the pasted foreground, black the background, and grey a soft edge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .color import LUMA
from .picture import Picture, to_picture


def to_mask(mask: Any, height: int, width: int, *, resize: bool = False) -> NDArray[Any]:
    """Make a mask of anything a caller may hand over.

    Grey and RGB are read by their brightness. A picture whose alpha channel is not fully opaque is read by
    its alpha
    alone: that is how cut-outs are saved.

    Args:
        mask: A path, PIL image, Picture, or array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and of
            type bool, uint8, uint16 or floats within 0..1.
        height: The height in pixels of the picture that it belongs to.
        width: Its width in pixels.
        resize: Whether to resize, bilinearly, a mask of another size.

    Returns:
        (height, width) contiguous uint8, uint16 or float32; the full range, or 0..1, is full coverage.

    Raises:
        PictureError: The mask cannot be read, is of another size, or holds floats outside 0..1.
    """
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_:
        mask = mask.astype(np.uint8) * np.uint8(255)
    picture = to_picture(mask)
    plane = _plane(picture)
    if plane.dtype == np.float32 and not (plane.min() >= 0 and plane.max() <= 1):
        low, high = plane.min(), plane.max()
        raise PictureError(
            f"A float mask must hold values from 0 to 1, but this one runs from {low:g} to {high:g}."
        )
    if plane.shape != (height, width):
        if not resize:
            raise PictureError(
                f"The mask has {plane.shape[1]}×{plane.shape[0]} pixels and the picture {width}×{height}; "
                "give one of the same size, or have it resized with --resize-mask (resize_mask=True)."
            )
        plane = _resized(plane, height, width)
    return np.ascontiguousarray(plane)


def coverage(mask: NDArray[Any]) -> NDArray[np.float32]:
    """How far each pixel belongs to the foreground, float32 in 0..1, of a mask or a tile of one."""
    if mask.dtype.kind == "u":
        return np.divide(mask, np.float32(np.iinfo(mask.dtype).max), dtype=np.float32)
    return mask.astype(np.float32, copy=False)


def describe(mask: NDArray[Any]) -> str | None:
    """What is wrong with a mask that leaves nothing to do, in a sentence; None where nothing is."""
    if not mask.any():
        return (
            "The mask is black everywhere, so there is nothing to harmonize; paint the pasted object white."
        )
    if mask.dtype.kind == "u" and mask.max() == 1:
        return (
            f"The mask's brightest value is 1 of {np.iinfo(mask.dtype).max}: next to nothing is foreground; "
            "paint the foreground white, or give an array of booleans."
        )
    if mask.min() == (np.iinfo(mask.dtype).max if mask.dtype.kind == "u" else 1):
        return "The mask is white everywhere, so there is no background to match; paint the background black."
    return None


def _plane(picture: Picture) -> NDArray[Any]:
    """The one (H, W) channel that says what is foreground."""
    pixels, alpha = picture.pixels, picture.alpha
    opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    if alpha is not None and not (alpha == opaque).all():
        return alpha
    first = pixels[..., 0]
    if pixels.shape[2] <= 2 or all(np.array_equal(first, pixels[..., i]) for i in (1, 2)):
        return first
    luma = pixels[..., :3] @ LUMA
    return np.rint(luma).astype(pixels.dtype) if pixels.dtype.kind == "u" else luma


def _resized(plane: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    import pyvips

    formats = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
    rows, columns = plane.shape
    source = np.ascontiguousarray(plane)
    image = pyvips.Image.new_from_memory(source.data, columns, rows, 1, formats[plane.dtype.name]).cast(
        "float"
    )
    resized = image.resize(width / columns, vscale=height / rows, kernel="linear")
    result = np.frombuffer(resized.write_to_memory(), dtype=np.float32).reshape(height, width)
    return np.rint(result).astype(plane.dtype) if plane.dtype.kind == "u" else np.clip(result, 0, 1)
