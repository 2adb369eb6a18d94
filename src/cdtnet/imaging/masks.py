"""Masks: white is the pasted foreground, black the background, and gray a soft edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import NEGLIGIBLE
from ..errors import PictureError
from .convert import is_tensor, to_picture, values_of
from .depth import full_scale, unit
from .meaning import STRIP, Label, Survey, check_levels, picked
from .picture import Picture

HARD = 0.5  # an edge is hard if the coverage, 0..1, of neighbors differs by more
_WHOLE = ("int8", "int16", "int32", "int64", "uint32", "uint64")
MOST_LABELS = 64
_MOST, _MOST_BORDER = 0.5, 0.8  # largest share of a picture and of its border that objects usually cover


def to_mask(
    mask: Any, height: int, width: int, *, resize: bool = False, labels: Sequence[Label] = ()
) -> NDArray[Any]:
    """Make a mask from any supported input.

    Gray is read by its brightness; of any two colors, the brighter is foreground. A few grays far from white
    including black, and a few exact colors, are labels: all but black (or, without black, all but the most
    frequent) are foreground. A transparent picture is read by its alpha, as saved cut-outs are, unless its
    visible colors are black and white.

    Args:
        mask: A path, PIL image, Picture, or array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and of
            type bool, uint8, uint16 or floats within 0..1; or integers of another type, shape (H, W), where
            all except 0 are foreground.
        height: The height in pixels of the picture that it belongs to.
        width: Its width in pixels.
        resize: Whether to resize, bilinearly, a mask of another size.
        labels: The foreground labels of a label map: gray values, or RGB colors.

    Returns:
        (height, width), contiguous uint8, uint16 or float32; the full range, or 0..1, is full coverage.

    Raises:
        PictureError: The mask cannot be read, is of another size, contains floats outside 0..1, is a picture
            in many colors, or has none of the labels.
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
    soft = (picked(labels) if labels else survey_of(picture).reading())(pixels)
    if labels and not soft.any():
        raise PictureError(f"No pixel of the mask has {_spelt(labels)}; look up its labels.")
    if soft.dtype.kind == "f":
        check_levels(soft.min(), soft.max(), soft.dtype)
    if soft.shape != (height, width):
        if not resize:
            raise PictureError(_of_another_size(soft.shape, height, width))
        soft = _resized(soft, height, width)
    return np.ascontiguousarray(soft)


def to_masks(masks: Any, height: int, width: int, *, resize: bool = False) -> list[Any]:
    """Make masks from one mask, a list of masks, or a label map.

    Args:
        masks: An input of `to_mask`, a list or tuple of them, or an array (H, W) of int32 or int64 in which
            each value except 0 is an object.
        height: The height in pixels of the picture that they belong to.
        width: Its width in pixels.
        resize: Whether to resize masks of another size, bilinearly, and labels by the nearest neighbor.

    Returns:
        One or more masks, each as from `to_mask`, or an object that is indexed like one.

    Raises:
        PictureError: As from `to_mask`; or the list is empty, or there are more than `MOST_LABELS` labels.
    """
    if isinstance(masks, np.ndarray) and masks.dtype in (np.int32, np.int64):
        return _of_labels(masks, height, width, resize=resize)
    if not isinstance(masks, list | tuple):
        masks = [masks]
    if not masks:
        raise PictureError("There is no mask in the list; give at least one.")
    return [to_mask(mask, height, width, resize=resize) for mask in masks]


def to_labels(picture: Any, height: int, width: int, *, resize: bool = False) -> NDArray[np.int32]:
    """Read a picture, or an input of `to_picture`, as a label map (H, W) for `to_masks`.

    Args:
        picture: Gray, uint8 or uint16; each value except 0 is an object.
        height: The height in pixels of the picture that it belongs to.
        width: Its width in pixels.
        resize: Whether to resize a map of another size by the nearest neighbor.

    Raises:
        PictureError: The picture has colors or fractions, or is of another size.
    """
    pixels = to_picture(picture).pixels
    gray = pixels.shape[2] < 3 or all(np.array_equal(pixels[..., 0], pixels[..., i]) for i in (1, 2))
    if pixels.dtype.kind != "u" or not gray:
        raise PictureError(
            "A label map is a gray picture of integers, each except 0 an object; this one has "
            f"{'colors' if pixels.dtype.kind == 'u' else 'fractions'}."
        )
    return _nearest(pixels[..., 0].astype(np.int32), height, width, resize=resize)


def _nearest(labels: NDArray[Any], height: int, width: int, *, resize: bool) -> NDArray[Any]:
    if labels.shape == (height, width):
        return labels
    if not resize:
        raise PictureError(_of_another_size(labels.shape, height, width))
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for old, new in zip(labels.shape, (height, width), strict=True)
    )
    return np.ascontiguousarray(labels[rows][:, columns])


def _of_labels(labels: NDArray[Any], height: int, width: int, *, resize: bool) -> list[Any]:
    if labels.ndim != 2:
        raise PictureError(f"A label map has two axes, not the shape {labels.shape}.")
    labels = _nearest(labels, height, width, resize=resize)
    strips = [np.unique(labels[top : top + 256]) for top in range(0, height, 256)]
    values = [value for value in np.unique(np.concatenate(strips)) if value]
    if len(values) > MOST_LABELS:
        raise PictureError(
            f"The label map has {len(values)} labels, more than {MOST_LABELS}; if it is a mask, "
            "give an array of uint8, or of floats within 0..1."
        )
    found = [Plane(labels, partial(_white, value), np.dtype(np.uint8)) for value in values]
    return found or [np.zeros((height, width), np.uint8)]


def _white(value: int, labels: NDArray[Any]) -> NDArray[np.uint8]:
    return np.where(labels == value, np.uint8(255), np.uint8(0))


class Plane:
    """An (H,W) array that is computed from another one when it is indexed.

    Args:
        source: (H,W) or (H,W,C), an array or an object indexed like one.
        choose: A pixelwise function from a part of it to (h,w).
        dtype: The type of the function's results.
    """

    def __init__(self, source: Any, choose: Callable[[NDArray[Any]], NDArray[Any]], dtype: np.dtype[Any]):
        self._source, self._choose = source, choose
        self.shape, self.dtype = source.shape[:2], dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return self._choose(self._source[key])


def coverage(mask: NDArray[Any]) -> NDArray[np.float32]:
    """Convert a mask, an alpha channel or a tile of one to coverage, float32 in 0..1.

    Floats of an alpha channel are clipped to 0..1; NaN becomes 0.
    """
    if mask.dtype.kind == "u":
        return np.divide(mask, np.float32(full_scale(mask.dtype)), dtype=np.float32)
    return unit(mask)


def antialiased(soft: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give hard edges of a mask (h,w), 0..1, a transition of one pixel inside of the mask.

    Edge pixels of a photograph mix the object with its background, so they should change less than the
    object. No coverage is increased, so black stays black; soft edges are unchanged.
    """
    import cv2

    if soft.min() == soft.max():
        return soft
    square = np.ones((3, 3), np.uint8)
    hard = cv2.dilate(soft, square) - cv2.erode(soft, square) > HARD
    rows, columns = np.nonzero(hard)
    padded, result = np.pad(soft, 1, "edge"), soft.copy()
    lines = [sum(padded[rows + row, columns + column] for column in range(3)) for row in range(3)]
    result[hard] = np.minimum(result[hard], sum(lines) / np.float32(9))
    return result


def describe(mask: NDArray[Any]) -> str | None:
    """Describe a mask that is black or white everywhere; None for others."""
    return describe_levels(mask.min(), mask.max(), mask.dtype)


def describe_levels(darkest: float, brightest: float, dtype: np.dtype[Any]) -> str | None:
    """Describe a mask by its smallest and largest value, as `describe` does."""
    white = full_scale(dtype)
    if brightest == 0:
        return (
            "The mask is black everywhere, so there is nothing to harmonize; paint the pasted object white."
        )
    if dtype.kind == "u" and brightest <= NEGLIGIBLE * white:
        return (
            f"The mask's brightest value is {brightest:.0f} of {white}, so almost nothing is foreground; "
            "paint the foreground white, or give an array of booleans."
        )
    if darkest == white:
        return "The mask is white everywhere, so there is no background to match; paint the background black."
    return None


def describe_inverted(mask: NDArray[Any]) -> str | None:
    """Describe a mask (H,W) that seems to show the background; None for others."""
    borders = [coverage(line).mean() for line in (mask[0], mask[-1], mask[:, 0], mask[:, -1])]
    share = float(mask.mean()) / full_scale(mask.dtype)
    if share <= _MOST or np.mean(borders) <= _MOST_BORDER or mask.min() == full_scale(mask.dtype):
        return None
    return (
        f"The mask covers {share:.0%} of the picture and nearly all of its border, so the surroundings are "
        "recolored instead of the object; if it is inverted, add --invert-mask (invert_mask=True)."
    )


def _of_another_size(shape: tuple[int, ...], height: int, width: int) -> str:
    return (
        f"The mask has {shape[1]}×{shape[0]} pixels and the picture {width}×{height}; "
        "give one of the same size, or resize it with --resize-mask (resize_mask=True)."
    )


def survey_of(picture: Picture) -> Survey:
    """Return the statistics of a mask's values; its pixels may be in a file."""
    height, _, channels = picture.pixels.shape
    survey = Survey(channels, picture.pixels.dtype, exact=picture.metadata.lossless)
    for top in range(0, height, STRIP):
        survey.add(picture.pixels[top : top + STRIP])
    return survey


def check_background(picture: Picture, masks: Sequence[Any]) -> None:
    """Refuse a cut-out with its own mask, because it has no background to match.

    Raises:
        PictureError: The picture is transparent wherever all masks (H, W) are black.
    """
    alpha = picture.alpha
    if alpha is None or not isinstance(alpha, np.ndarray):
        return
    black = np.logical_and.reduce([mask[:, :] == 0 for mask in masks])
    seen = alpha > 0
    if black.any() and seen[~black].any() and not seen[black].any():
        raise PictureError(
            "The picture is transparent wherever the mask is black, so there is no background to match; "
            "paste the cut-out onto a background first, as cdtnet compose does."
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
    except pyvips.Error as error:  # for pixels in memory, only if memory is short
        raise MemoryError from error
    return np.rint(result).astype(plane.dtype) if plane.dtype.kind == "u" else np.clip(result, 0, 1)
