"""Synthetic composites, on which the ranges of a network's activations are measured."""

import torch
import torch.nn.functional as F
from torch import Tensor

COUNT = 8
SIZE = 128  # largest side in pixels
MARGIN = 2.0  # factor: the ranges of photographs are larger than those of these composites, up to twice


def composites(size: int) -> tuple[Tensor, Tensor]:
    """Make composites (B,3,S,S) with recolored foregrounds, and masks (B,1,S,S), in 0..1; always the same."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.sigmoid(1.5 * _clouds(3, size, generator))
    mask = torch.sigmoid(20 * _clouds(1, size, generator) - 10)
    power = torch.exp2(3 * torch.rand(COUNT, 3, 1, 1, generator=generator) - 1.5)
    return torch.lerp(colors, colors**power, mask), mask


def _clouds(channels: int, size: int, generator: torch.Generator) -> Tensor:
    """Make noise (B,C,S,S) of variance 1 with a spectrum as in photographs: coarse scales are strongest."""
    total = torch.zeros(COUNT, channels, size, size)
    for side in (2**octave for octave in range(1, size.bit_length())):
        noise = torch.randn(COUNT, channels, side, side, generator=generator)
        total += F.interpolate(noise, (size, size), mode="bicubic", align_corners=False) / side**0.8
    return total / total.std((1, 2, 3), keepdim=True)
