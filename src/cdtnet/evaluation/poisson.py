"""Seamless cloning of a foreground into its background (Pérez et al., "Poisson Image Editing", 2003).

The foreground keeps its gradients and takes its colors at the seam from the background. The result f equals
the composite outside the mask and minimizes the sum of (f_p − f_q − v_pq)² over neighboring pixels, where v
are the composite's differences inside the mask. The foreground beyond the cut is unknown, so v is 0 for
pairs across the seam and in soft edges.

The unknown is the correction f − composite, which is smooth. It is computed by conjugate gradients with one
multigrid cycle as preconditioner, so the number of steps hardly grows with the picture. All three channels
are solved at once. Memory is about 250 bytes per pixel of the foreground.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from ..imaging.geometry import extent

Array = NDArray[np.floating[Any]]
Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

SOLID = 0.9
"""Coverage from which a pixel's color is assumed to be the foreground's own, so its gradients are used."""

TOLERANCE = 1e-5
"""The residual at which the solver stops, relative to the right-hand side."""

COARSEST = 400  # largest number of unknowns that is solved directly
MAX_STEPS = 100  # 15 are usual
DAMPING = 0.8  # damping of the Jacobi steps before and after each coarse correction
STRETCH = 1.5  # factor of coarse corrections, which are too small because they are constant on 2×2 pixels


def poisson_blending(composite: Array, mask: Array) -> Array:
    """Clone the foreground into the background without a seam.

    Args:
        composite: (H, W, 3), sRGB-encoded floats 0..1.
        mask: (H, W), 0..1.

    Returns:
        A picture of the composite's shape and type, changed where the mask is not 0; a copy if there is no
        foreground or no background.
    """
    result = composite.copy()
    inside = mask > 0
    covered = extent(inside)
    if covered is None or inside.all():
        return result
    window = covered.grow(1, *inside.shape).slices
    inside, colors, share = inside[window], composite[window], mask[window]
    places = np.argwhere(inside).astype(np.int32)
    correction = _solve(_matrix(inside), places, _seams(colors, share >= SOLID)[inside])
    before = colors[inside]
    result[window][inside] = before + share[inside, None] * ((before + correction).clip(0, 1) - before)
    return result


def _seams(colors: Array, solid: NDArray[np.bool_]) -> Float32:
    """Return for each pixel the sum of its neighbors' differences that the solution must remove."""
    result = np.zeros(colors.shape, np.float32)
    for one, other in _neighbors():
        untrusted = ~(solid[one] & solid[other])
        apart = (colors[other] - colors[one]) * untrusted[..., None]
        result[one] += apart
        result[other] -= apart
    return result


def _matrix(inside: NDArray[np.bool_]) -> sparse.csr_array:
    """Make the Laplacian (N, N) of the foreground's pixels; background neighbors have known values."""
    index = np.cumsum(inside, dtype=np.int32).reshape(inside.shape) - 1
    count = np.zeros(inside.shape, np.float32)
    rows, columns = [], []
    for one, other in _neighbors():
        count[one] += 1
        count[other] += 1
        both = inside[one] & inside[other]
        first, second = index[one][both], index[other][both]
        rows += [first, second]
        columns += [second, first]
    total = int(index[-1, -1]) + 1
    diagonal = np.arange(total, dtype=np.int32)
    pairs = sum(map(len, rows))
    values = np.concatenate((np.full(pairs, -1, np.float32), count[inside]))
    places = np.concatenate((*rows, diagonal)), np.concatenate((*columns, diagonal))
    return sparse.coo_array((values, places), (total, total)).tocsr()


def _neighbors() -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Return slices that pair each pixel with the one to its right, and with the one below."""
    every, first, last = slice(None), slice(None, -1), slice(1, None)
    return [((every, first), (every, last)), ((first, every), (last, every))]


class _Multigrid:
    """An approximate inverse of a Laplacian: one multigrid cycle over its unknowns.

    Args:
        matrix: (N, N), symmetric and positive definite.
        places: (N, 2), row and column of each unknown; unknowns in a 2×2 square are merged on the next grid.
    """

    def __init__(self, matrix: sparse.csr_array, places: Int32):
        self.matrix = matrix
        self.inverse_diagonal = (DAMPING / matrix.diagonal())[:, None].astype(np.float32)
        if len(places) <= COARSEST:
            self.factors = splu(matrix.astype(np.float64).tocsc())
            return
        self.factors = None
        squares = places // 2
        key = squares[:, 0].astype(np.int64) * (int(squares[:, 1].max()) + 1) + squares[:, 1]
        _, first, square = np.unique(key, return_index=True, return_inverse=True)
        count = len(places)
        self.spread = sparse.csr_array(
            (np.ones(count, np.float32), square.astype(np.int32), np.arange(count + 1, dtype=np.int32)),
            (count, len(first)),
        )
        self.coarser = _Multigrid((self.spread.T @ matrix @ self.spread).tocsr(), squares[first])

    def __call__(self, residual: Float32) -> Float32:
        """Approximate the solution (N, C) for a right-hand side (N, C)."""
        if self.factors is not None:
            return self.factors.solve(residual.astype(np.float64)).astype(np.float32)
        solution: Float32 = self.inverse_diagonal * residual
        rest = self.spread.T @ (residual - self.matrix @ solution)
        solution += np.float32(STRETCH) * (self.spread @ self.coarser(rest))
        solution += self.inverse_diagonal * (residual - self.matrix @ solution)
        return solution


def _solve(matrix: sparse.csr_array, places: Int32, right: Float32) -> Float32:
    """Solve for several right-hand sides (N, C) by preconditioned conjugate gradients."""
    precondition = _Multigrid(matrix, places)
    solution, residual = np.zeros_like(right), right.copy()
    enough = TOLERANCE * np.sqrt(_dot(right, right))
    direction = better = precondition(residual)
    product = _dot(residual, better)
    for _ in range(MAX_STEPS):
        if (np.sqrt(_dot(residual, residual)) <= enough).all():
            break
        image = matrix @ direction
        step = _ratio(product, _dot(direction, image))
        solution += step * direction
        residual -= step * image
        better = precondition(residual)
        before, product = product, _dot(residual, better)
        direction = better + _ratio(product, before) * direction
    return solution


def _dot(one: Float32, other: Float32) -> NDArray[np.float64]:
    """Return the scalar products (C,) of columns (N, C)."""
    return np.einsum("nc,nc->c", one, other, dtype=np.float64)


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Float32:
    """Divide; return 0 for a column that is already solved."""
    ratio = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    return ratio.astype(np.float32)
