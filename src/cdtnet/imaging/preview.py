"""Small copies of pictures for the screen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from .color import color_codec
from .depth import full_scale
from .masks import coverage
from .metadata import Metadata
from .picture import Picture
from .write import encode_picture

LONGEST = 1024  # longer side in pixels
QUALITY = 80


def preview(picture: Picture) -> bytes:
    """Return a WebP file of at most `LONGEST` pixels per side: 8-bit sRGB with alpha, no metadata."""
    return encode_picture(on_screen(shrunk(picture, LONGEST)), ".webp", quality=QUALITY)


def on_screen(picture: Picture) -> Picture:
    """Convert to 8-bit sRGB, with alpha if any, without metadata; also suitable for lossy files."""
    channels = [color_codec(picture).decode(picture.pixels)]
    if picture.alpha is not None:
        channels.append(coverage(picture.alpha)[..., None])
    pixels = np.rint(255 * np.clip(np.concatenate(channels, axis=2), 0, 1)).astype(np.uint8)
    return Picture(pixels, Metadata(lossless=False))


def shrunk(picture: Picture, longest: int) -> Picture:
    """Reduce the picture to at most `longest` pixels per side, in its own depth and color space.

    The colors of transparent pixels do not affect others.
    """
    longer = max(picture.width, picture.height)
    if longer <= longest:
        return picture
    image = pyvips.Image.new_from_array(np.ascontiguousarray(picture.pixels), interpretation="multiband")
    whole = full_scale(picture.pixels.dtype)
    if picture.alpha is not None:
        image = image.premultiply(max_alpha=whole)
    image = image.resize(longest / longer)
    if picture.alpha is not None:
        image = image.unpremultiply(max_alpha=whole)
    values: NDArray[Any] = image.numpy().reshape(image.height, image.width, -1)
    if picture.pixels.dtype.kind == "u":
        values = np.clip(np.rint(values), 0, whole)
    return picture.replace_pixels(values.astype(picture.pixels.dtype))
