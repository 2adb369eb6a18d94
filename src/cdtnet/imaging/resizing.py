"""Resizing to base size strip by strip, so that a picture is never converted as a whole."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..system.machine import available_cores
from .color import ColorCodec
from .geometry import Window
from .masks import coverage
from .picture import Picture

FloatArray = NDArray[np.float32]
Part = tuple[slice, slice]

STRIP = 128  # rows converted at a time by each thread, fewer if they would be more than `_MOST` pixels
_MOST = 1 << 20  # pixels


@dataclass(frozen=True)
class LowPicture:
    """A picture, or a part of one, at base size S, ready to be analyzed.

    Attributes:
        image: (S,S,3), sRGB in 0..1.
        mask: (S,S), 0..1.
        coarse_mask: (S/8,S/8), 0..1, resized from full resolution in one step.
    """

    image: FloatArray
    mask: FloatArray
    coarse_mask: FloatArray

    def mirrored(self) -> "LowPicture":
        """Return the picture with left and right exchanged."""
        parts = self.image, self.mask, self.coarse_mask
        return LowPicture(*(np.ascontiguousarray(part[:, ::-1]) for part in parts))

    def masked(self, mask: FloatArray) -> "LowPicture":
        """Return the same picture with another mask (S,S)."""
        coarse = len(self.coarse_mask)
        cells = mask.reshape(coarse, len(mask) // coarse, coarse, -1)
        return LowPicture(self.image, np.ascontiguousarray(mask), cells.mean((1, 3)))


def shrink(
    picture: Picture,
    mask: NDArray[np.generic],
    frame: Window,
    codec: ColorCodec,
    size: int,
    coarse_size: int,
    *,
    antialias: bool,
) -> LowPicture:
    """Resize a frame of a picture and its mask (H,W) to base size, bilinearly.

    The result equals `CDTNet.downsample` of that frame within 1e-5.

    Transparent pixels are neither foreground nor background: they get the mean color of the visible
    background.
    """

    def colors(part: Part) -> FloatArray:
        """Return the colors (h,w,3), premultiplied if there is alpha."""
        color = codec.decode(picture.pixels[part])
        return color if picture.alpha is None else color * alpha(part)

    def alpha(part: Part) -> FloatArray:
        assert picture.alpha is not None
        return coverage(picture.alpha[part])[..., None]

    def visible_mask(part: Part) -> FloatArray:
        soft = coverage(mask[part])[..., None]
        return soft if picture.alpha is None else soft * alpha(part)

    def resize(read: Callable[[Part], FloatArray], size: int) -> FloatArray:
        return _resize(read, frame, size, antialias)

    color, low_mask = resize(colors, size), resize(visible_mask, size)[..., 0]
    if picture.alpha is not None:
        low_alpha = resize(alpha, size)
        color = color + (1 - low_alpha) * _background_mean(color, low_alpha, low_mask)
    return LowPicture(color, low_mask, resize(visible_mask, coarse_size)[..., 0])


def sparse(values: NDArray[Any], window: Window, most: int) -> NDArray[Any]:
    """Sample at most `most` rows and columns of a window, without having all of it in memory."""
    step = -(-max(window.size) // most)
    rows = max(STRIP // step, 1) * step
    strips = (
        Window(top, window.left, min(top + rows, window.bottom), window.right)
        for top in range(window.top, window.bottom, rows)
    )
    return np.concatenate([values[strip.slices][::step, ::step] for strip in strips])


def placed(values: FloatArray, window: Window, size: tuple[int, int], low_size: int) -> FloatArray:
    """Resize values of a window of a frame to base size, and put them in their position.

    Args:
        values: (h,w), of the window.
        window: The window, in pixels of the frame; it may extend beyond the frame.
        size: Height and width of the frame.
        low_size: The base size T.

    Returns:
        (T,T), 0 outside of the window.
    """
    scales = [low_size / whole for whole in size]
    height, width = (max(round(part * scale), 1) for part, scale in zip(window.size, scales, strict=True))
    small = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    # Positions of the window in low-resolution pixels of the frame; pixel centers are at .5.
    down, across = (
        part * scale / rows for part, scale, rows in zip(window.size, scales, small.shape, strict=True)
    )
    top, left = window.top * scales[0], window.left * scales[1]
    matrix = np.array([[across, 0, left + across / 2 - 0.5], [0, down, top + down / 2 - 0.5]], np.float32)
    return np.asarray(cv2.warpAffine(small, matrix, (low_size, low_size)))


def _background_mean(color: FloatArray, alpha: FloatArray, mask: FloatArray) -> FloatArray:
    """Return the mean color (3,) of the visible background; mid-gray if there is none."""
    share = np.clip(alpha[..., 0] - mask, 0, 1).astype(np.float64)
    total = (
        color.astype(np.float64)
        * np.divide(share, alpha[..., 0], where=alpha[..., 0] > 0, out=np.zeros_like(share))[..., None]
    ).sum((0, 1))
    mean = total / share.sum() if share.sum() > 1e-3 else np.full(3, 0.5)
    return mean.astype(np.float32)


def _resize(read: Callable[[Part], FloatArray], frame: Window, size: int, antialias: bool) -> FloatArray:
    """Resize the values (h,w,C) that `read` returns for a frame to (size,size,C): rows, then columns."""
    height, width = frame.size
    down, across = Filter(height, size, antialias), Filter(width, size, antialias)

    rows = max(1, min(STRIP, _MOST // width))

    def part(top: int) -> tuple[int, FloatArray]:
        """Return the first sample to which a strip contributes, and the contributions (n,w,C)."""
        strip = Window(top, 0, min(top + rows, height), width)
        return down.apply(read(strip.from_within(frame).slices), top)

    narrow: FloatArray | None = None
    with ThreadPoolExecutor(available_cores()) as pool:
        for first, added in pool.map(part, range(0, height, rows)):  # in order, for reproducible rounding
            if narrow is None:
                narrow = np.zeros((size, *added.shape[1:]), np.float32)
            narrow[first : first + len(added)] += added
    assert narrow is not None
    return np.ascontiguousarray(across.apply(narrow.transpose(1, 0, 2), 0)[1].transpose(1, 0, 2))


class Filter:
    """The weights from `size` pixels of a line to `low_size` samples; pixel centers are at .5.

    The low-pass filter is a triangle as wide as the step. Without it, or when enlarging, the triangle is one
    pixel wide, which is bilinear interpolation.
    """

    def __init__(self, size: int, low_size: int, antialias: bool):
        step = size / low_size
        radius = max(step, 1.0) if antialias else 1.0
        centers = (np.arange(low_size) + 0.5) * step
        if not antialias:  # clamp to the outermost pixel centers, as bilinear interpolation does
            centers = centers.clip(0.5, size - 0.5)
        first = np.maximum(centers - radius + 0.5, 0).astype(int)
        last = np.minimum(centers + radius + 0.5, size).astype(int)
        pixels = first[:, None] + np.arange((last - first).max())
        weights = np.maximum(1 - np.abs(pixels + 0.5 - centers[:, None]) / radius, 0)
        weights *= pixels < last[:, None]
        self._first, self._last = first.tolist(), last.tolist()
        self._weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)

    def apply(self, pixels: FloatArray, start: int) -> tuple[int, FloatArray]:
        """Compute weighted sums of (n,…) pixels from `start` on.

        Returns:
            The first sample that depends on them, and their contributions (m,…) to it and the next ones.
        """
        stop = start + len(pixels)
        reached = range(bisect_right(self._last, start), bisect_left(self._first, stop))
        result = np.empty((len(reached), *pixels.shape[1:]), np.float32)
        for i, sample in enumerate(reached):
            own = self._first[sample]
            first, last = max(own, start), min(self._last[sample], stop)
            weights = self._weights[sample, first - own : last - own]
            # einsum, because matrix products wait for threads on a busy machine
            np.einsum("r,r...->...", weights, pixels[first - start : last - start], out=result[i])
        return reached.start, result
