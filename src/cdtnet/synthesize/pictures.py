"""Photos and masks as 8-bit arrays: reading, resizing, softening and blending."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets.samples import read_entry
from ..datasets.tree import Entry
from ..errors import DataError, PictureError
from ..imaging import color_codec, coverage, to_mask

Bytes = NDArray[np.uint8]

_STRIP = 128  # rows converted at a time


def read_photo(entry: Entry) -> Bytes:
    """Read a photo, upright, as (H,W,3) 8-bit sRGB without alpha.

    Raises:
        DataError: The file is missing, damaged, or of an unknown kind.
    """
    picture = read_entry(entry)
    try:
        codec = color_codec(picture)
    except PictureError as error:
        raise DataError(f"{entry}: {error}") from error
    photo = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, _STRIP):
        rows = slice(top, top + _STRIP)
        photo[rows] = np.rint(codec.decode(picture.pixels[rows]) * 255)
    return photo


def read_mask(entry: Entry, photo: Bytes | None = None) -> Bytes:
    """Read a mask as (H,W), 255 = foreground.

    Args:
        entry: The file of the mask.
        photo: The photo, whose size it must have.

    Raises:
        DataError: The file cannot be read, is of another size, or has no foreground or no background.
    """
    picture = read_entry(entry)
    height, width = picture.height, picture.width
    if photo is not None and photo.shape[:2] != (height, width):
        size = f"{photo.shape[1]}×{photo.shape[0]}"
        raise DataError(f"The mask {entry} has {width}×{height} pixels, but its photo {size}.")
    mask = np.rint(coverage(to_mask(picture, height, width)) * 255).astype(np.uint8)
    if mask.max() < 128 or mask.min() > 127:
        raise DataError(
            f"The mask {entry} has no foreground or no background; the object must be white (255) on black."
        )
    return mask


def resize(pixels: Bytes, height: int, width: int) -> Bytes:
    """Resize (H,W) or (H,W,3) to height×width: antialiased when reducing, cubic when enlarging."""
    if pixels.shape[:2] == (height, width):
        return pixels
    import pyvips

    source = np.ascontiguousarray(pixels)
    bands = 1 if source.ndim == 2 else source.shape[2]
    image = pyvips.Image.new_from_memory(source.data, source.shape[1], source.shape[0], bands, "uchar")
    across, down = width / source.shape[1], height / source.shape[0]
    if max(across, down) > 1:  # `resize` would shift an enlarged picture by half a pixel
        image = image.affine(
            [across, 0, 0, down],
            interpolate=pyvips.Interpolate.new("bicubic"),
            odx=(across - 1) / 2,
            ody=(down - 1) / 2,
            oarea=[0, 0, width, height],
            extend="copy",
        )
    else:
        image = image.resize(across, vscale=down, kernel="lanczos3")
    resized = np.frombuffer(image.write_to_memory(), np.uint8)
    return resized.reshape(height, width, *source.shape[2:])


def limit(pixels: Bytes, size: int | None) -> Bytes:
    """Reduce the longer side of (H,W) or (H,W,3) to `size` pixels; smaller pictures are unchanged."""
    height, width = pixels.shape[:2]
    scale = (size or max(height, width)) / max(height, width)
    if scale >= 1:
        return pixels
    return resize(pixels, max(1, round(height * scale)), max(1, round(width * scale)))


def enlarge_mask(mask: Bytes, height: int, width: int) -> Bytes:
    """Enlarge a mask (h,w) with an antialiased edge about a pixel wide."""
    scale = max(height / mask.shape[0], width / mask.shape[1])
    if scale <= 1:
        return resize(mask, height, width)
    smooth = resize(_binomial(mask), height, width).astype(np.float32)
    return np.clip((smooth - 127.5) * scale + 127.5, 0, 255).round().astype(np.uint8)


def feather(mask: Bytes) -> Bytes:
    """Soften the edge of a mask (H,W) over about a pixel, inwards, so that no background is included."""
    eroded = cv2.erode(mask, np.ones((3, 3)), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.minimum(_binomial(np.asarray(eroded)), mask)


def _binomial(mask: Bytes) -> Bytes:
    """Blur (H,W) with the weights 1 2 1 in both directions."""
    blurred = np.pad(mask, 1, mode="edge").astype(np.uint16)
    blurred = blurred[:-2] + 2 * blurred[1:-1] + blurred[2:]
    blurred = blurred[:, :-2] + 2 * blurred[:, 1:-1] + blurred[:, 2:]
    return ((blurred + 8) // 16).astype(np.uint8)


def blend(foreground: Bytes, background: Bytes, mask: Bytes) -> Bytes:
    """Blend the foreground (H,W,3) over the background (H,W,3) by the mask (H,W) in sRGB values.

    Linear light is not used: networks, metrics and image editors blend sRGB values by the mask, so that the
    files satisfy composite = mask · object + (1 − mask) · background.
    """
    result = background.copy()
    for top in range(0, len(mask), _STRIP):
        rows = slice(top, top + _STRIP)
        weight = mask[rows, :, None].astype(np.int32)
        mixed = weight * foreground[rows] + (255 - weight) * background[rows]
        result[rows] = (mixed + 127) // 255
    return result
