"""Pixel types: channels, the full scale of each type, and floats in 0..1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS = {1: "gray", 2: "gray with alpha", 3: "RGB", 4: "RGB with alpha"}
WITH_ALPHA = (2, 4)


def full_scale(dtype: np.dtype[Any]) -> int:
    """Return the value of white or opaque: the largest value of an integer type, 1 for floats."""
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1


def unit(values: NDArray[Any]) -> NDArray[Any]:
    """Clip floats to 0..1; NaN becomes 0."""
    return np.where(np.isnan(values), np.float32(0), values).clip(0, 1)


def stored(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert floats in 0..1 to a type's full range."""
    return (np.rint(values * full_scale(dtype)) if dtype.kind == "u" else values).astype(dtype, copy=False)


def divided(pixels: NDArray[Any]) -> NDArray[Any]:
    """Divide premultiplied colors (H, W, C) by alpha; integers are rounded down."""
    alpha, colors = pixels[..., -1:], pixels[..., :-1]
    if pixels.dtype.kind == "f":
        with np.errstate(all="ignore"):  # alpha of 0, and NaN
            values = np.where(alpha == 0, colors, colors / alpha)
    else:
        top = full_scale(pixels.dtype)
        whole = colors.astype(np.uint64) * np.uint64(top) // np.maximum(alpha, 1)
        values = np.where(alpha == 0, colors, np.minimum(whole, top))
    return np.concatenate([values.astype(pixels.dtype), alpha], axis=-1)


def multiplied(pixels: NDArray[Any]) -> NDArray[Any]:
    """Multiply colors by alpha: the inverse of `divided`. Integers are rounded up, which restores them."""
    alpha, colors = pixels[..., -1:], pixels[..., :-1]
    if pixels.dtype.kind == "f":
        with np.errstate(all="ignore"):
            values = np.where(alpha == 0, colors, colors * alpha)
    else:
        top = np.uint64(full_scale(pixels.dtype))
        whole = (colors * alpha.astype(np.uint64) + top - np.uint64(1)) // top
        values = np.where(alpha == 0, colors, whole)
    return np.concatenate([values.astype(pixels.dtype), alpha], axis=-1)
