"""Conversion of pictures from and to paths, files, PIL images, arrays and tensors."""

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
    "a file path, the bytes of a file, an open file, a PIL image, a Picture, or a NumPy array or PyTorch "
    "tensor of shape (H, W), (1, H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or for tensors (3, H, W) or "
    "(4, H, W), and of type uint8, uint16 or floats from 0 to 1"
)
_EXIF_PREFIX = b"Exif\0\0"


def to_picture(source: Any) -> Picture:
    """Make a Picture from any supported kind of object.

    PIL images and arrays are used unchanged: an EXIF orientation is applied only when a file is read.

    Args:
        source: A path (str or PathLike), the bytes of a file, an open file, a PIL image, a Picture, a NumPy
            array or a PyTorch tensor. Arrays are (H, W), (1, H, W), (H, W, 1), (H, W, 3) or (H, W, 4); uint8,
            uint16, or float16/32/64 within 0..1 or NaN. Tensors have the same shapes or (C, H, W), as in
            torchvision, also with a batch dimension of 1.

    Raises:
        PictureError: The source is of another kind, or cannot be read.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, (str, os.PathLike)):
        from .read import read_picture

        return read_picture(source)
    if isinstance(source, (bytes, bytearray, memoryview)) or hasattr(source, "read"):
        return _from_data(source)
    if is_tensor(source):
        return _from_array(values_of(source))
    if isinstance(source, np.ndarray):
        return _from_array(_without_first(source))
    if is_pil(source):
        return _from_pil(source)
    raise PictureError(f"A picture cannot be made from a {type(source).__name__}; give {_ACCEPTED}.")


def like(picture: Picture, original: Any) -> Any:
    """Convert a result to the kind of object that the caller passed.

    Args:
        picture: The result, with the size and channels of `to_picture(original)`.
        original: The object that the caller passed.

    Returns:
        An array or a tensor of the same type and shape for an array or a tensor, a PIL image of the same mode
        and info for a PIL image (palettes become RGB, 1-bit becomes gray), and otherwise the Picture itself.
    """
    if is_tensor(original):
        return _tensor_like(picture, original)
    if isinstance(original, np.ndarray) and original.shape != _without_first(original).shape:
        return like(picture, original[0])[None]
    if isinstance(original, np.ndarray):
        pixels = picture.pixels[..., 0] if original.ndim == 2 else picture.pixels
        if original.dtype == pixels.dtype:
            return pixels
        before = _native(original)  # unchanged values keep their precision
        with np.errstate(invalid="ignore"):
            kept = np.where((pixels == before) | np.isnan(before), original, pixels.astype(original.dtype))
        return kept.astype(original.dtype, copy=False)
    if is_pil(original):
        pixels = picture.pixels[..., 0] if picture.pixels.shape[2] == 1 else picture.pixels
        result = sys.modules["PIL.Image"].fromarray(np.ascontiguousarray(pixels))
        # A transparent index or color has become an alpha channel.
        result.info = {key: value for key, value in original.info.items() if key != "transparency"}
        return result
    return picture


def like_layer(layer: Picture, original: Any) -> Any:
    """Convert a layer to the kind of object that the caller passed.

    Args:
        layer: The layer, with alpha, with the size and depth of `to_picture(original)`.
        original: The object that the caller passed.

    Returns:
        An array (H, W, 4), or (H, W, 2) for gray, of the same type for an array; a tensor of the same type
        and device, channels first, for a tensor; a PIL image for a PIL image, unless PIL has no such mode;
        and otherwise the Picture itself.
    """
    pixels = np.ascontiguousarray(layer.pixels)
    if is_tensor(original):
        planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        return sys.modules["torch"].from_numpy(planes).to(device=original.device, dtype=original.dtype)
    if isinstance(original, np.ndarray):
        return pixels.astype(original.dtype, copy=False)
    if is_pil(original) and pixels.dtype == np.uint8:
        made = sys.modules["PIL.Image"].fromarray(pixels)
        made.info = {key: value for key, value in original.info.items() if key != "transparency"}
        return made
    return layer


def is_pil(source: Any) -> bool:
    """Check for a PIL image without importing PIL: if there is one, PIL has been imported."""
    return _is_of(source, "PIL.Image", "Image")


def is_tensor(source: Any) -> bool:
    """Check for a PyTorch tensor without importing PyTorch."""
    return _is_of(source, "torch", "Tensor")


def _is_of(source: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)  # also None while another thread is importing it
    return kind is not None and isinstance(source, kind)


def _from_data(source: Any) -> Picture:
    """Read a picture from the bytes of a file, or from an open file, whose position is restored."""
    from .read import read_picture

    if isinstance(source, (bytes, bytearray, memoryview)):
        return read_picture(bytes(source))
    place = source.tell() if hasattr(source, "seek") and source.seekable() else None
    data = source.read()
    if place is not None:
        source.seek(place)
    if not isinstance(data, bytes):
        raise PictureError("The file is open in text mode; open it in binary mode, as in open(name, 'rb').")
    return read_picture(data)


def _without_first(array: NDArray[Any]) -> NDArray[Any]:
    """Return (1, H, W) as (H, W), and others unchanged."""
    single = array.ndim == 3 and array.shape[0] == 1 and array.shape[2] not in (1, 3, 4)
    return array[0] if single else array


def values_of(tensor: Any) -> NDArray[Any]:
    """Return the (H, W) or (H, W, C) values of a tensor."""
    values = tensor.detach().cpu()
    if values.dtype is sys.modules["torch"].bfloat16:
        values = values.float()
    array: NDArray[Any] = values.numpy()
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[0] in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    return np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)


def _tensor_like(picture: Picture, original: Any) -> Any:
    """Return the picture as a tensor of the shape, type and device of another."""
    array = np.asarray(like(picture, values_of(original)))
    shape = tuple(original.shape)
    inner = shape[1:] if len(shape) == 4 else shape
    if len(inner) == 3 and inner[0] in (1, 3, 4):
        array = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    tensor = sys.modules["torch"].from_numpy(np.ascontiguousarray(array.reshape(shape)))
    return tensor.to(device=original.device, dtype=original.dtype)


def _from_array(array: NDArray[Any]) -> Picture:
    floating = array.dtype.name in ("float16", "float32", "float64")
    shaped = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if not shaped or not (floating or array.dtype.name in ("uint8", "uint16")):
        raise PictureError(
            f"A picture cannot be made from a {array.dtype} array of shape {array.shape}; give {_ACCEPTED}."
        )
    if floating and array.size:
        low, high = (float(extreme.reduce(array, axis=None)) for extreme in (np.fmin, np.fmax))
        if low < 0 or high > 1:  # False for NaN
            raise PictureError(
                f"A float array must hold values from 0 to 1, but this one runs from {low:g} to {high:g}; "
                "scale it first."
            )
    native = _native(array)
    return Picture(native[..., None] if native.ndim == 2 else native)


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """Convert values to a depth and byte order that a Picture supports."""
    with np.errstate(invalid="ignore"):  # signaling NaN
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
