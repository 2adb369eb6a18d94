"""Fitting a lookup table to a finished picture, for programs that only apply tables.

The network's own table is only a part of the change. The fitted table comes as close as possible to the whole
result, and states its error: a table cannot hold changes that depend on the position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..imaging import Lut, Picture, color_codec, coverage, to_picture
from ..imaging.composition import Layer
from .result import Result

Floats = NDArray[np.float64]

SIZES = (9, 17, 33)  # grid points per axis; each grid starts from the solution of the previous one
SMOOTHNESS = 0.2  # weight of differences between neighbors, relative to a grid point's mean weight
MOST = 1 << 20  # largest number of pixels to fit; if there are more, every n-th is used
_STEPS = 30  # iterations of conjugate gradients on each grid
_CORNERS = [*np.ndindex(2, 2, 2)]


class Fit(NamedTuple):
    """A fitted table.

    Attributes:
        lut: The table; its note states the error.
        mean: The mean error over the foreground in levels of 255, in the worst channel of each pixel.
        most: The 95th percentile of the same error.
    """

    lut: Lut
    mean: float
    most: float


class _Samples(NamedTuple):
    """Pixels of a foreground: sRGB colors (n,3) before and after, and coverage (n,)."""

    before: Floats
    after: Floats
    weights: Floats


def fit_lut(result: Result, layer: Layer | None = None) -> Fit | None:
    """Fit a table to the change of a foreground; None if there is no foreground.

    Args:
        result: The result of a composite that is not a tensor.
        layer: The foreground alone, if it was pasted; as given to `Harmonizer`.
    """
    samples = _samples(result, layer)
    if not len(samples.weights):
        return None
    lut = Lut(_solve(samples.before, samples.after - samples.before, samples.weights))
    mean, most = _distance(lut, samples)
    note = (
        f"Fitted to the harmonized foreground: mean error {mean:.1f} levels of 255, "
        f"95 % of its pixels within {most:.1f}."
    )
    return Fit(Lut(lut.table, note), mean, most)


def distance(lut: Lut, result: Result, layer: Layer | None = None) -> tuple[float, float]:
    """Return the error of any table relative to a result, as in `Fit.mean` and `Fit.most`."""
    return _distance(lut, _samples(result, layer))


def _samples(result: Result, layer: Layer | None) -> _Samples:
    composite = to_picture(result.composite)
    alone = result.layer if isinstance(result.layer, Picture) else Picture(np.asarray(result.layer))
    native = composite.pixels if layer is None else layer.over(composite.pixels)
    share = coverage(alone.pixels[..., -1])
    rows, columns = np.nonzero(share > 0)
    step = max(-(-len(rows) // MOST), 1)
    place = rows[::step], columns[::step]
    codec, channels = color_codec(composite), 1 if native.shape[2] < 3 else 3
    before, after = (
        codec.decode(pixels[place][None, :, :channels])[0].astype(np.float64)
        for pixels in (native, alone.pixels)
    )
    return _Samples(before, after, share[place].astype(np.float64))


def _distance(lut: Lut, samples: _Samples) -> tuple[float, float]:
    made = lut.apply(samples.before.astype(np.float32)).clip(0, 1)
    off = np.abs(made - samples.after).max(-1) * 255
    return float(np.average(off, weights=samples.weights)), float(np.percentile(off, 95))


def _solve(colors: Floats, change: Floats, weights: Floats) -> NDArray[np.float32]:
    """Return the table (N,N,N,3) whose trilinear interpolation adds `change` (n,3) to `colors` (n,3)."""
    shift = np.zeros((2, 2, 2, 3)) + np.average(change, axis=0, weights=weights)
    for size in SIZES:
        shift = Lut(shift.astype(np.float32)).resized(size).table.astype(np.float64)
        shift = _descend(*_normal(colors, change, weights, size), shift)
    table = Lut(shift.astype(np.float32)).grid() + shift.astype(np.float32)
    return table.clip(0, 1)


def _normal(
    colors: Floats, change: Floats, weights: Floats, size: int
) -> tuple[Callable[[Floats], Floats], Floats, Floats]:
    """Return a grid's normal equations: a function that applies the matrix, its diagonal, the right side."""
    place = colors * (size - 1)
    low = np.minimum(place.astype(np.intp), size - 2)
    share = place - low
    strides = np.array([1, size, size * size])  # red varies fastest
    first, count = low @ strides, size**3
    parts = [(np.array(corner), np.where(corner, share, 1 - share).prod(-1)) for corner in _CORNERS]
    right = np.zeros((count, 3))
    stencil: dict[tuple[int, ...], Any] = {}
    for one, factor in parts:
        at = first + one @ strides
        for channel in range(3):
            right[:, channel] += np.bincount(at, weights * factor * change[:, channel], count)
        for other, second in parts:
            offset = tuple((other - one).tolist())
            added = np.bincount(at, weights * factor * second, count)
            stencil[offset] = stencil.get(offset, 0) + added
    # The axes of a grid are blue, green, red.
    grids = {offset[::-1]: values.reshape(size, size, size, 1) for offset, values in stencil.items()}
    smooth = SMOOTHNESS * weights.sum() / count

    def matrix(shift: Floats) -> Floats:
        total = _smoothed(shift, smooth)
        for offset, values in grids.items():
            here, there = (tuple(slice(*ends) for ends in axis) for axis in _overlap(offset, size))
            total[here] += values[here] * shift[there]
        return total

    diagonal = grids[0, 0, 0] + 6 * smooth
    return matrix, diagonal, right.reshape(size, size, size, 3)


def _overlap(offset: tuple[int, ...], size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the overlap of a grid and the same one shifted by an offset, as ranges in both."""
    here = [(max(0, -each), size - max(0, each)) for each in offset]
    return here, [(begin + each, end + each) for (begin, end), each in zip(here, offset, strict=True)]


def _smoothed(shift: Floats, weight: float) -> Floats:
    """Return the gradient of half the squared differences between neighbors."""
    total = np.zeros_like(shift)
    for axis in range(3):
        step = weight * np.diff(shift, axis=axis)
        ends = [(0, 0)] * 4
        ends[axis] = (1, 1)
        padded = np.pad(step, ends)
        total -= np.diff(padded, axis=axis)
    return total


def _descend(matrix: Callable[[Floats], Floats], diagonal: Floats, right: Floats, shift: Floats) -> Floats:
    """Run conjugate gradients, preconditioned by the diagonal, independently per channel."""

    def product(one: Floats, other: Any) -> Floats:
        return (one * other).sum((0, 1, 2))

    rest = right - matrix(shift)
    eased = rest / diagonal
    direction, size = eased, product(rest, eased)
    for _ in range(_STEPS):
        if not (size > 1e-12).any():
            break
        moved = matrix(direction)
        length = size / np.maximum(product(direction, moved), 1e-30)
        shift = shift + length * direction
        rest = rest - length * moved
        eased = rest / diagonal
        before, size = size, product(rest, eased)
        direction = eased + size / np.maximum(before, 1e-30) * direction
    return shift
