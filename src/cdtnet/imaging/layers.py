"""Pictures of several layers, as they are in memory."""

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

_BYTES = 48  # for each pixel of a canvas, while its layers are laid over each other


@dataclass(frozen=True, eq=False)
class Sheet:
    """A layer of a picture.

    Attributes:
        name: As editors show it.
        window: Where it lies in the picture.
        pixels: (h,w,C) of the window, in the picture's depth and colors; with alpha where it has no mask.
        mask: (h,w), how far it is seen, full range of the same depth; None for all of it.
        visible: Whether it is shown.
    """

    name: str
    window: Window
    pixels: NDArray[Any]
    mask: NDArray[Any] | None = None
    visible: bool = True


@dataclass(frozen=True, eq=False)
class Stack:
    """A picture and the layers that it is made of.

    Attributes:
        picture: What all visible layers together show, with the metadata of the file.
        sheets: From the lowest to the highest.
    """

    picture: Picture
    sheets: Sequence[Sheet]


def stack_of(picture: Picture, background: Picture, original: NDArray[Any], layer: Picture) -> Stack:
    """What editors get of a harmonized picture: background, foreground as it was, and harmonized.

    The foreground as it was is there, but not shown: over its own soft edges it would count twice.

    Args:
        picture: The result.
        background: What lies below the foreground: the composite, if nothing else is known.
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
    """The place of the layer that is the foreground, among layers from the lowest to the highest.

    Raises:
        PictureError: There is none, or nothing below it.
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
            f"{path} has no two layers that are shown; put the object on one above its background."
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
    """A picture of what layers show.

    Args:
        color: (H,W,C) in 0..1, not multiplied by alpha.
        alpha: (H,W,1) in 0..1.
        dtype: Of the picture.
        metadata: Of the picture.
        keep_alpha: Whether alpha is kept where everything is opaque.
    """
    scale, color = full_scale(dtype), np.where(alpha > 0, color, 0)
    parts = [color, alpha] if keep_alpha or (alpha < 1).any() else [color]
    values = np.concatenate([np.rint(np.clip(part, 0, 1) * np.float32(scale)) for part in parts], axis=-1)
    return Picture(values.astype(dtype), metadata)


def check_size(height: int, width: int, path: object) -> None:
    """Refuse a canvas that no memory would hold, whatever its file says.

    Raises:
        PictureError: It is too large, or empty.
    """
    free, needed = free_memory(), _BYTES * height * width
    if height < 1 or width < 1:
        raise PictureError(f"{path} has {width}×{height} pixels; save it again.")
    if free is not None and needed > free:
        raise PictureError(
            f"{path} has {width}×{height} pixels, whose layers take {needed / 1e9:.1f} GB of memory, and "
            f"{max(free, 0) / 1e9:.1f} GB are free; reduce it first."
        )


def blank_layer(picture: Picture) -> Picture:
    """A transparent picture of the same size, depth and colors, with alpha."""
    height, width, channels = picture.pixels.shape
    pixels = np.zeros((height, width, 2 if channels < 3 else 4), picture.pixels.dtype)
    xmp = embed(picture.metadata.xmp, None)
    return Picture(pixels, replace(picture.metadata, xmp=xmp, native=None, exr=None))


def cropped(layer: Picture) -> Picture:
    """A picture with alpha, cut down to where it is not transparent."""
    window = extent(layer.pixels[..., -1])
    return Picture(np.ascontiguousarray(layer.pixels[window.slices]), layer.metadata) if window else layer


def _colors(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[..., :-1] if pixels.shape[2] in WITH_ALPHA else pixels
