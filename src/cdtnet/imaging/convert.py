"""Pictures from and to what callers use: paths, PIL images and arrays."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .metadata import Metadata
from .picture import Picture

_ACCEPTED = (
    "a file path, a PIL image, a Picture, or a NumPy array of shape (H, W), (H, W, 1), (H, W, 3) or "
    "(H, W, 4) and of type uint8, uint16 or floats from 0 to 1"
)
_EXIF_PREFIX = b"Exif\0\0"


def to_picture(source: Any) -> Picture:
    """Make a Picture of anything a caller may hand over.

    PIL images and arrays are taken as they are: an EXIF orientation is applied only when a file is read.

    Args:
        source: A path (str or PathLike), PIL image, Picture or NumPy array. Arrays are (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4); uint8, uint16, or float16/32/64 within 0..1 or NaN.

    Raises:
        PictureError: The source is of another kind, or cannot be read.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, (str, os.PathLike)):
        from .read import read_picture

        return read_picture(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if is_pil(source):
        return _from_pil(source)
    raise PictureError(f"A picture cannot be made of a {type(source).__name__}; give {_ACCEPTED}.")


def like(picture: Picture, original: Any) -> Any:
    """Hand a result back in the kind that the caller gave.

    Args:
        picture: The result, of the size and channels that `to_picture(original)` has.
        original: What the caller handed over.

    Returns:
        An array of the same type and number of dimensions for an array, a PIL image of the same mode and info
        for a PIL image (palettes become RGB, 1-bit becomes grey), and the Picture itself for a path or a
        Picture.
    """
    if isinstance(original, np.ndarray):
        pixels = picture.pixels[..., 0] if original.ndim == 2 else picture.pixels
        if original.dtype == pixels.dtype:
            return pixels
        before = _native(original)  # what was not changed keeps its precision
        with np.errstate(invalid="ignore"):
            kept = np.where((pixels == before) | np.isnan(before), original, pixels.astype(original.dtype))
        return kept.astype(original.dtype, copy=False)
    if is_pil(original):
        pixels = picture.pixels[..., 0] if picture.pixels.shape[2] == 1 else picture.pixels
        result = sys.modules["PIL.Image"].fromarray(np.ascontiguousarray(pixels))
        # a transparent index or colour has become an alpha channel
        result.info = {key: value for key, value in original.info.items() if key != "transparency"}
        return result
    return picture


def is_pil(source: Any) -> bool:
    """Whether this is a PIL image, found out without importing PIL: who has made one has imported it."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(source, module.Image)


def _from_array(array: NDArray[Any]) -> Picture:
    floating = array.dtype.name in ("float16", "float32", "float64")
    shaped = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if not shaped or not (floating or array.dtype.name in ("uint8", "uint16")):
        raise PictureError(
            f"A picture cannot be made of a {array.dtype} array of shape {array.shape}; give {_ACCEPTED}."
        )
    if floating and array.size:
        low, high = (float(extreme.reduce(array, axis=None)) for extreme in (np.fmin, np.fmax))
        if low < 0 or high > 1:  # of what is not NaN
            raise PictureError(
                f"A float array must hold values from 0 to 1, but this one runs from {low:g} to {high:g}; "
                "scale it first."
            )
    native = _native(array)
    return Picture(native[..., None] if native.ndim == 2 else native)


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """The same values in the depth, and the order of bytes, in which a Picture has them."""
    with np.errstate(invalid="ignore"):  # NaN of the signalling kind
        return array.astype(
            np.float32 if array.dtype.kind == "f" else array.dtype.newbyteorder("="), copy=False
        )


def _from_pil(image: Any) -> Picture:
    try:
        if image.mode in ("P", "PA") or "transparency" in image.info:
            transparent = image.mode == "PA" or "transparency" in image.info
            gray = image.mode in ("1", "L")
            image_pixels = image.convert(("LA" if gray else "RGBA") if transparent else "RGB")
        else:
            image_pixels = image.convert("L") if image.mode == "1" else image
        if image_pixels.mode not in ("L", "LA", "RGB", "RGBA", "I;16"):
            raise PictureError(
                f'A PIL image of mode {image.mode} cannot be used; convert it, as in image.convert("RGB").'
            )
        pixels = np.asarray(image_pixels)
    except (OSError, SyntaxError) as error:  # PIL decodes on first use and raises these for a broken file
        raise PictureError(f"The PIL image cannot be decoded ({error}); check its file.") from error
    info = image.info
    exif = info.get("exif")
    metadata = Metadata(
        icc=info.get("icc_profile"),
        exif=exif.removeprefix(_EXIF_PREFIX) if exif else None,
        xmp=info.get("xmp") if isinstance(info.get("xmp"), bytes) else None,
    )
    return Picture(pixels[..., None] if pixels.ndim == 2 else pixels, metadata)
