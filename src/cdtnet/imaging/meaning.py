"""The interpretation of masks: brightness, alpha, one color on another, or labels.

It is determined in one pass over the mask, strip by strip; then parts are read independently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .color import luma
from .depth import WITH_ALPHA, full_scale, stored, unit

Reading = Callable[[NDArray[Any]], NDArray[Any]]
"""A function from pixels (h, w, C) to foreground (h, w)."""
Label = int | tuple[int, int, int]
"""A gray value, or an RGB color, as in the file."""

STRIP = 128  # rows processed at a time
_OPAQUE = 0.9  # alpha from which it is ignored
_PALE = 0.1  # largest difference between the channels of a gray, from JPEG and scanners
_NEAR = 0.08  # largest distance from the line between two colors, from soft edges and JPEG
_MOST_LABELS = {"uint8": 32, "uint16": 256}  # largest number of grays that are labels
_MOST_COLORS = 64
_CELLS = 32  # histogram cells per channel


class Survey:
    """Statistics of a mask that decide how it is read.

    Args:
        channels: The number of channels, 1 to 4.
        dtype: uint8, uint16 or float32.
        exact: Whether the source is lossless; labels are only possible then.
    """

    def __init__(self, channels: int, dtype: np.dtype[Any], *, exact: bool) -> None:
        self._alpha, self._colors = channels in WITH_ALPHA, 1 if channels < 3 else 3
        self._dtype, self._exact, self._scale = dtype, exact, full_scale(dtype)
        self._lowest_alpha = 1.0
        self._chroma = 0.0
        self._extremes: list[float] = [0, 0]  # of visible colors, if they are floats
        self._levels = np.zeros(self._scale + 1 if dtype.kind == "u" else 256, np.int64)
        self._count = np.zeros(_CELLS**3, np.int64)
        self._sums = np.zeros((_CELLS**3, 3))

    def add(self, pixels: NDArray[Any]) -> None:
        """Add pixels (h, w, C) to the statistics."""
        flat = pixels.reshape(-1, pixels.shape[-1])
        if self._alpha:
            alpha = _fraction(flat[:, -1], self._scale)
            self._lowest_alpha = min(self._lowest_alpha, float(alpha.min()))
            flat = flat[alpha >= 0.5]
        if not len(flat):
            return
        first = flat[:, 0]
        if self._dtype.kind == "f":
            colors = flat[:, : self._colors]
            self._extremes = [
                float(np.minimum(self._extremes[0], colors.min())),
                float(np.maximum(self._extremes[1], colors.max())),
            ]
        if self._colors == 1 or all(np.array_equal(first, flat[:, i]) for i in (1, 2)):
            self._add_levels(first)
        else:
            self._add_colors(flat[:, :3])

    def _add_levels(self, values: NDArray[Any]) -> None:
        if self._dtype.kind == "f":
            values = np.rint(unit(values) * 255).astype(np.uint8)
        self._levels += np.bincount(values, minlength=len(self._levels))

    def _add_colors(self, colors: NDArray[Any]) -> None:
        values = _fraction(colors, self._scale)
        self._chroma = max(self._chroma, float(np.max(values.max(axis=1) - values.min(axis=1))))
        red, green, blue = _cells(values).T
        codes = (red * _CELLS + green) * _CELLS + blue
        self._count += np.bincount(codes, minlength=len(self._count))
        for channel in range(3):
            self._sums[:, channel] += np.bincount(codes, values[:, channel], minlength=len(self._count))

    def reading(self) -> Reading:
        """Determine how the mask is read.

        Raises:
            PictureError: It is a picture in many colors, or contains floats outside 0..1.
        """
        if self._alpha and self._lowest_alpha < _OPAQUE:
            if not self.black_and_white():
                return lambda pixels: pixels[..., -1]
            return self._visible
        check_levels(self._extremes[0], self._extremes[1], self._dtype)
        if self._chroma > _PALE:
            return self._colored()
        if self._chroma > 0:
            return self._brightness
        if self._is_labels():
            return lambda pixels: _all_or_nothing(pixels[..., 0] != 0)
        return lambda pixels: pixels[..., 0]

    def black_and_white(self) -> bool:
        """Check whether the visible part is black and white, except for soft edges."""
        if self._chroma > 0:
            return False
        place = np.linspace(0, 1, len(self._levels))
        total = max(int(self._levels.sum()), 1)
        black, white = (self._levels[place < 0.1].sum() / total, self._levels[place > 0.9].sum() / total)
        return bool(min(black, white) >= 0.001 and black + white >= 0.9)

    def _is_labels(self) -> bool:
        """Check whether the grays are labels: few, including black, and all far from white."""
        present = np.flatnonzero(self._levels)
        few = 2 <= len(present) <= _MOST_LABELS.get(self._dtype.name, 0)
        return bool(self._exact and few and present[0] == 0 and present[-1] < self._scale / 4)

    def _colored(self) -> Reading:
        """Return the reading of two colors and their mixtures, or of a few exact colors."""
        self._add_grays()
        cells = np.flatnonzero(self._count)
        means, counts = self._sums[cells] / self._count[cells, None], self._count[cells]
        if len(cells) == 1:
            return self._brightness
        ground = means[counts.argmax()]
        frequent = counts >= max(counts[counts < counts.max()].max(initial=1) / 20, 1)
        away = np.linalg.norm(means - ground, axis=1)
        other = means[np.where(frequent, away, -1).argmax()]
        line = other - ground
        part = ((means - ground) @ line / (line @ line)).clip(0, 1)
        beside = np.linalg.norm(means - (ground + part[:, None] * line), axis=1) > _NEAR
        if counts[beside].sum() <= 0.1 * counts[counts < counts.max()].sum():
            return self._between(*sorted((ground, other), key=lambda color: float(luma(color))))
        if self._exact and len(cells) <= _MOST_COLORS:
            black = means[means.max(axis=1) < 1 / _CELLS]
            return self._apart_from(black[0] if len(black) else ground)
        raise PictureError(
            "The mask is a picture in many colors, not a mask; give one that is white where the pasted "
            "object is and black elsewhere."
        )

    def _add_grays(self) -> None:
        """Add the grays of colorless strips to the histogram of colors."""
        values = np.linspace(0, 1, len(self._levels), dtype=np.float32)
        codes = _cells(values) * (_CELLS**2 + _CELLS + 1)
        self._count += np.bincount(codes, self._levels, minlength=len(self._count)).astype(np.int64)
        weights = self._levels * values
        self._sums += np.bincount(codes, weights, minlength=len(self._count))[:, None]

    def _between(self, dark: NDArray[Any], bright: NDArray[Any]) -> Reading:
        line = (bright - dark).astype(np.float32)
        start, length = dark.astype(np.float32), float(line @ line)

        def read(pixels: NDArray[Any]) -> NDArray[Any]:
            away = _fraction(pixels[..., :3], self._scale) - start
            part = sum(away[..., channel] * line[channel] for channel in range(3)) / length
            return stored(np.clip(part, 0, 1), self._dtype)

        return read

    def _apart_from(self, ground: NDArray[Any]) -> Reading:
        cell = _cells(ground)

        def read(pixels: NDArray[Any]) -> NDArray[Any]:
            return _all_or_nothing((_cells(_fraction(pixels[..., :3], self._scale)) != cell).any(axis=-1))

        return read

    def _brightness(self, pixels: NDArray[Any]) -> NDArray[Any]:
        levels = luma(pixels)
        return np.rint(levels).astype(self._dtype) if self._dtype.kind == "u" else levels

    def _visible(self, pixels: NDArray[Any]) -> NDArray[Any]:
        parts = [_fraction(pixels[..., channel], self._scale) for channel in (0, -1)]
        return stored(parts[0] * parts[1], self._dtype)


def check_levels(darkest: float, brightest: float, dtype: np.dtype[Any]) -> None:
    """Refuse a float mask with NaN or values outside 0..1."""
    if dtype.kind == "f" and not (darkest >= 0 and brightest <= 1):
        range_ = "holds NaN" if np.isnan(darkest) else f"runs from {darkest:g} to {brightest:g}"
        raise PictureError(f"A float mask must hold values from 0 to 1, but this one {range_}.")


def picked(labels: Sequence[Label]) -> Reading:
    """Return the reading of a label map in which the given labels are foreground."""

    def read(pixels: NDArray[Any]) -> NDArray[Any]:
        found = np.zeros(pixels.shape[:2], bool)
        for label in labels:
            colors = pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1]
            found |= (colors == np.array(label)).all(axis=-1)
        return _all_or_nothing(found)

    return read


def parse_label(text: str) -> Label:
    """Parse a label: an integer, or #rrggbb.

    Raises:
        ValueError: The text is neither.
    """
    if text.startswith("#") and len(text) == 7:
        code = int(text[1:], 16)
        return code >> 16, code >> 8 & 255, code & 255
    return int(text)


def _cells(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the histogram cells of a channel's values in 0..1."""
    return np.minimum(values * _CELLS, _CELLS - 1).astype(np.int64)


def _all_or_nothing(found: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return found.astype(np.uint8) * np.uint8(255)


def _fraction(values: NDArray[Any], scale: int) -> NDArray[np.float32]:
    if values.dtype.kind == "f":
        return unit(values).astype(np.float32)
    return np.divide(values, np.float32(scale), dtype=np.float32)
