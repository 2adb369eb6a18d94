"""Masks: white is the pasted foreground, black the background, and grey a soft edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .convert import is_tensor, to_picture, values_of
from .depth import full_scale, unit
from .meaning import STRIP, Label, Reading, Survey, picked
from .meaning import check_levels as check_levels
from .picture import Picture

_WHOLE = ("int8", "int16", "int32", "int64", "uint32", "uint64")


def to_mask(
    mask: Any, height: int, width: int, *, resize: bool = False, labels: Sequence[Label] = ()
) -> NDArray[Any]:
    """Make a mask of anything a caller may hand over.

    Grey is read by its brightness; of two colors, whatever they are, the brighter is foreground. Few greys
    far from white with black among them, and a few exact colors, are labels: any but black (or, without
    black, the most frequent) is foreground. A transparent picture is read by its alpha, as cut-outs are
    saved, unless what can be seen of it is black and white itself.

    Args:
        mask: A path, PIL image, Picture, or array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and of
            type bool, uint8, uint16 or floats within 0..1; or whole numbers of another type, shape (H, W),
            where any but 0 is foreground.
        height: The height in pixels of the picture that it belongs to.
        width: Its width in pixels.
        resize: Whether to resize, bilinearly, a mask of another size.
        labels: Of a map of labels, those that are foreground: grey values, or RGB colors.

    Returns:
        (height, width) contiguous uint8, uint16 or float32; the full range, or 0..1, is full coverage.

    Raises:
        PictureError: The mask cannot be read, is of another size, holds floats outside 0..1, is a picture in
            many colors, or has none of the labels.
    """
    if is_tensor(mask) and not mask.is_floating_point():
        mask = values_of(mask)
    if isinstance(mask, np.ndarray) and mask.dtype.name in _WHOLE:
        mask = np.isin(mask, labels) if labels else mask != 0
        labels = ()
    if isinstance(mask, np.ndarray) and mask.dtype == np.bool_:
        mask = mask.astype(np.uint8) * np.uint8(255)
    picture = to_picture(mask)
    pixels = picture.pixels
    soft = (picked(labels) if labels else reading_of(picture))(pixels)
    if labels and not soft.any():
        raise PictureError(f"No pixel of the mask has {_spelt(labels)}; look up its labels.")
    if soft.dtype.kind == "f":
        check_levels(soft.min(), soft.max(), soft.dtype)
    if soft.shape != (height, width):
        if not resize:
            raise PictureError(
                f"The mask has {soft.shape[1]}×{soft.shape[0]} pixels and the picture {width}×{height}; "
                "give one of the same size, or have it resized with --resize-mask (resize_mask=True)."
            )
        soft = _resized(soft, height, width)
    return np.ascontiguousarray(soft)


def coverage(mask: NDArray[Any]) -> NDArray[np.float32]:
    """How far each pixel is covered, float32 in 0..1, by a mask, an alpha channel or a tile of one.

    The floats of an alpha channel may be any: what lies beyond 0..1 is taken as 0 or 1, and NaN as 0.
    """
    if mask.dtype.kind == "u":
        return np.divide(mask, np.float32(full_scale(mask.dtype)), dtype=np.float32)
    return unit(mask)


def describe(mask: NDArray[Any]) -> str | None:
    """What is wrong with a mask that leaves nothing to do, in a sentence; None where nothing is."""
    return describe_levels(mask.min(), mask.max(), mask.dtype)


def describe_levels(darkest: float, brightest: float, dtype: np.dtype[Any]) -> str | None:
    """The same, of a mask whose values lie between these two."""
    white = full_scale(dtype)
    if brightest == 0:
        return (
            "The mask is black everywhere, so there is nothing to harmonize; paint the pasted object white."
        )
    if dtype.kind == "u" and brightest == 1:
        return (
            f"The mask's brightest value is 1 of {white}: next to nothing is foreground; "
            "paint the foreground white, or give an array of booleans."
        )
    if darkest == white:
        return "The mask is white everywhere, so there is no background to match; paint the background black."
    return None


def reading_of(picture: Picture) -> Reading:
    """How to read the parts of a mask.

    Args:
        picture: The mask, of which the pixels may lie in a file.

    Raises:
        PictureError: It is a picture in many colors.
    """
    height, _, channels = picture.pixels.shape
    survey = Survey(channels, picture.pixels.dtype, exact=picture.metadata.lossless)
    for top in range(0, height, STRIP):
        survey.add(picture.pixels[top : top + STRIP])
    return survey.reading()


def check_background(picture: Picture, mask: NDArray[Any]) -> None:
    """Refuse a cut-out with its own mask: there is nothing around the object that it could be matched to.

    Raises:
        PictureError: The picture is transparent wherever the mask is black.
    """
    alpha = picture.alpha
    if alpha is None or not isinstance(alpha, np.ndarray) or not mask.any():
        return
    if (mask == 0).any() and not alpha[mask == 0].any():
        raise PictureError(
            "The picture is transparent wherever the mask is black, so that there is no background to match; "
            "paste the cut-out onto its background first, as cdtnet compose does."
        )


def _spelt(labels: Sequence[Label]) -> str:
    words = [str(label) if isinstance(label, int) else "#" + bytes(label).hex() for label in labels]
    return f"the label {words[0]}" if len(words) == 1 else f"any of the labels {', '.join(words)}"


def _resized(plane: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    import pyvips

    formats = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
    rows, columns = plane.shape
    source = np.ascontiguousarray(plane)
    image = pyvips.Image.new_from_memory(source.data, columns, rows, 1, formats[plane.dtype.name]).cast(
        "float"
    )
    resized = image.resize(width / columns, vscale=height / rows, kernel="linear")
    try:
        result = np.frombuffer(resized.write_to_memory(), dtype=np.float32).reshape(height, width)
    except pyvips.Error as error:  # nothing else can go wrong with pixels that are in memory
        raise MemoryError from error
    return np.rint(result).astype(plane.dtype) if plane.dtype.kind == "u" else np.clip(result, 0, 1)
