"""Antialiasing of masks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..imaging.masks import HARD


def antialiased(mask: Tensor) -> Tensor:
    """Apply `imaging.masks.antialiased` to masks (B,1,H,W)."""
    around = F.pad(mask, (1, 1, 1, 1), mode="replicate")
    is_hard = F.max_pool2d(around, 3, 1) + F.max_pool2d(-around, 3, 1) > HARD
    return torch.where(is_hard, torch.minimum(mask, F.avg_pool2d(around, 3, 1)), mask)
