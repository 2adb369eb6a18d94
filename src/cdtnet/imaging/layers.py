"""Pictures with layers in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..system.machine import free_memory
from .depth import WITH_ALPHA, full_scale
from .geometry import Window, extent
from .metadata import Metadata
from .picture import Picture
from .xmp import embed

_BYTES = 48  # memory per pixel of a canvas while its layers are blended


@dataclass(frozen=True, eq=False)
class Sheet:
    """A layer of a picture.

    Attributes:
        name: The name that editors show.
        window: Its position in the picture.
        pixels: (h,w,C), the pixels of the window, in the picture's depth and colors; with alpha if it has no
            mask.
        mask: (h,w), the coverage, full range of the same depth; None for full coverage.
        visible: Whether it is shown.
    """

    name: str
    window: Window
    pixels: NDArray[Any]
    mask: NDArray[Any] | None = None
    visible: bool = True


@dataclass(frozen=True, eq=False)
class Stack:
    """A picture and its layers.

    Attributes:
        picture: The picture that all visible layers show together, with the metadata of the file.
        sheets: The layers, from the lowest to the highest.
    """

    picture: Picture
    sheets: Sequence[Sheet]


def stack_of(picture: Picture, background: Picture, original: NDArray[Any], layer: Picture) -> Stack:
    """Make the layers of a harmonized picture: background, original foreground, and harmonized foreground.

    The original foreground is hidden, because its soft edges would otherwise be blended twice.

    Args:
        picture: The result.
        background: The picture below the foreground: the composite, if nothing else is known.
        original: (H,W,C), the foreground's own colors.
        layer: The harmonized foreground, with its coverage as alpha.
    """
    coverage = layer.pixels[..., -1]
    whole = Window(0, 0, picture.height, picture.width)
    window = extent(coverage) or whole
    mask = np.ascontiguousarray(coverage[window.slices])
    before = _colors(original)[window.slices]
    after = np.where(mask[..., None] > 0, layer.pixels[window.slices][..., :-1], before)
    sheets = [
        Sheet("Background", whole, background.pixels),
        Sheet("Foreground", window, before, mask, visible=False),
        Sheet("Harmonized", window, after, mask),
    ]
    return Stack(picture, sheets)


def choose(names: Sequence[str], shown: Sequence[bool], name: str | None, path: object) -> int:
    """Return the index of the foreground's layer among layers from the lowest to the highest.

    Raises:
        PictureError: There is no such layer, or none below it.
    """
    if name is not None:
        found = [place for place, each in enumerate(names) if each == name]
        if not found:
            listed = ", ".join(repr(each) for each in names)
            raise PictureError(f"{path} has no layer {name!r}; it has {listed or 'none'}.")
        place = found[-1]
    else:
        place = max((place for place, each in enumerate(shown) if each), default=-1)
    if not any(shown[:place]) or place < 0:
        raise PictureError(
            f"{path} has fewer than two visible layers; put the object on a layer above its background."
        )
    return place


def picture_of(
    color: NDArray[Any],
    alpha: NDArray[Any],
    *,
    dtype: np.dtype[Any],
    metadata: Metadata,
    keep_alpha: bool,
) -> Picture:
    """Make a picture of blended layers.

    Args:
        color: (H,W,C) in 0..1, not multiplied by alpha.
        alpha: (H,W,1) in 0..1.
        dtype: The type of the picture's pixels.
        metadata: The metadata of the picture.
        keep_alpha: Whether to keep alpha even if everything is opaque.
    """
    scale, color = full_scale(dtype), np.where(alpha > 0, color, 0)
    parts = [color, alpha] if keep_alpha or (alpha < 1).any() else [color]
    values = np.concatenate([np.rint(np.clip(part, 0, 1) * np.float32(scale)) for part in parts], axis=-1)
    return Picture(values.astype(dtype), metadata)


def check_size(height: int, width: int, path: object) -> None:
    """Refuse a canvas that does not fit into memory, before it is allocated.

    Raises:
        PictureError: It is too large, or empty.
    """
    free, needed = free_memory(), _BYTES * height * width
    if height < 1 or width < 1:
        raise PictureError(f"{path} has {width}×{height} pixels; save it again.")
    if free is not None and needed > free:
        raise PictureError(
            f"{path} has {width}×{height} pixels; its layers take {needed / 1e9:.1f} GB of memory, and "
            f"{max(free, 0) / 1e9:.1f} GB are free; reduce it first."
        )


def blank_layer(picture: Picture) -> Picture:
    """Make a transparent picture of the same size, depth and colors, with alpha."""
    height, width, channels = picture.pixels.shape
    pixels = np.zeros((height, width, 2 if channels < 3 else 4), picture.pixels.dtype)
    xmp = embed(picture.metadata.xmp, None)
    return Picture(pixels, replace(picture.metadata, xmp=xmp, native=None, exr=None))


def cropped(layer: Picture) -> Picture:
    """Crop a picture with alpha to the part that is not transparent."""
    window = extent(layer.pixels[..., -1])
    return Picture(np.ascontiguousarray(layer.pixels[window.slices]), layer.metadata) if window else layer


def _colors(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[..., :-1] if pixels.shape[2] in WITH_ALPHA else pixels
