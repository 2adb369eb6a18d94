"""Resampling between full resolution and base size."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..imaging.geometry import Window, low_positions


def downsample(x: Tensor, size: int, *, antialias: bool) -> Tensor:
    """Resize (B,C,H,W) to (B,C,size,size), bilinear; the aspect ratio changes, as in the paper."""
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False, antialias=antialias)


def upsample(low: Tensor, size: tuple[int, int], window: Window) -> Tensor:
    """Return the part `window` of `low` (B,C,h,w) resized bilinearly to `size` (H,W).

    It equals a crop of `F.interpolate(low, size, mode="bilinear")`, without computing the rest. Source
    positions are float64, so that they stay exact in large pictures.
    """
    rows = low_positions(window.top, window.bottom, size[0], low.shape[2])
    columns = low_positions(window.left, window.right, size[1], low.shape[3])
    return _interpolate(_interpolate(low, torch.from_numpy(rows), dim=2), torch.from_numpy(columns), dim=3)


def _interpolate(low: Tensor, positions: Tensor, dim: int) -> Tensor:
    """Interpolate `low` linearly at fractional `positions` along `dim`."""
    first = positions.floor()
    fraction = (positions - first).to(low).view([-1 if d == dim else 1 for d in range(low.ndim)])
    index = first.long().to(low.device)
    after = (index + 1).clamp(max=low.shape[dim] - 1)
    return torch.lerp(low.index_select(dim, index), low.index_select(dim, after), fraction)
