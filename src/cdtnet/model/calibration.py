"""Composites made of nothing, to learn from how far a network's inner numbers reach."""

import torch
import torch.nn.functional as F
from torch import Tensor

COUNT = 8
SIZE = 128  # pixels a side, at most
MARGIN = 2.0  # photographs reach further than these composites, up to twice as far in a channel


def composites(size: int) -> tuple[Tensor, Tensor]:
    """Pictures (B,3,S,S) and masks (B,1,S,S), in 0..1, the foregrounds recolored; always the same."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.sigmoid(1.5 * _clouds(3, size, generator))
    mask = torch.sigmoid(20 * _clouds(1, size, generator) - 10)
    power = torch.exp2(3 * torch.rand(COUNT, 3, 1, 1, generator=generator) - 1.5)
    return torch.lerp(colors, colors**power, mask), mask


def _clouds(channels: int, size: int, generator: torch.Generator) -> Tensor:
    """Noise (B,C,S,S) of all scales, the coarser the stronger, as in photographs; its variance is 1."""
    total = torch.zeros(COUNT, channels, size, size)
    for side in (2**octave for octave in range(1, size.bit_length())):
        noise = torch.randn(COUNT, channels, side, side, generator=generator)
        total += F.interpolate(noise, (size, size), mode="bicubic", align_corners=False) / side**0.8
    return total / total.std((1, 2, 3), keepdim=True)
