"""The loss of iS2AM and CDTNet: squared error, weighted so that small foregrounds count like large ones."""

import torch
from torch import Tensor

# A foreground of fewer pixels than 100 of 256×256 is weighted as if it had that many.
SMALLEST_FOREGROUND = 100 / 256**2


def foreground_normalized_mse(prediction: Tensor, target: Tensor, area: Tensor) -> Tensor:
    """Σ squared error / (3·foreground pixels), mean over the batch.

    Args:
        prediction: (B,3,H,W).
        target: (B,3,H,W).
        area: (B,), the foreground's share of the picture, 0..1.
    """
    pixels = area.clamp(min=SMALLEST_FOREGROUND) * (target.shape[2] * target.shape[3])
    return (((prediction - target) ** 2).sum((1, 2, 3)) / (3 * pixels)).mean()


def roughness(basis: Tensor) -> Tensor:
    """Mean squared second difference of basis LUTs (N,3,S,S,S) along their three colour axes.

    Keeps entries that no photograph visits in line with those around them, so that rare colours don't band.
    (Zeng et al., 2020, penalise first differences; second ones leave linear changes of colour free.)
    """
    return torch.stack([basis.diff(n=2, dim=axis).square().mean() for axis in (2, 3, 4)]).sum()
