"""Building blocks of the network."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import IMAGENET_MEAN, IMAGENET_STD


def normalize(rgb: Tensor) -> Tensor:
    """Convert RGB (B,3,H,W) in 0..1 to ImageNet-normalized values."""
    return (rgb - rgb.new_tensor(IMAGENET_MEAN).view(3, 1, 1)) / rgb.new_tensor(IMAGENET_STD).view(3, 1, 1)


def denormalize(rgb: Tensor) -> Tensor:
    """Invert `normalize`."""
    return rgb * rgb.new_tensor(IMAGENET_STD).view(3, 1, 1) + rgb.new_tensor(IMAGENET_MEAN).view(3, 1, 1)


def conv_block(in_channels: int, out_channels: int, *, norm: bool = True, bias: bool = True) -> nn.Sequential:
    """Make a 3×3 convolution, BatchNorm if `norm`, and ReLU; height and width are kept."""
    layers: list[nn.Module] = [nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)]
    if norm:
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


class GatedBlend(nn.Module):
    """Blend of a picture with a prediction: a·picture + (1−a)·rgb(f), a = sigmoid(3·gate(f)).

    It is the last layer of generator and refinement. Where a is 1, the picture is unchanged.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.gate = nn.Conv2d(channels, 1, 1)
        self.rgb = nn.Conv2d(channels, 3, 1)

    def forward(self, picture: Tensor, features: Tensor) -> Tensor:
        """Map picture (B,3,H,W) and features (B,C,H,W) to (B,3,H,W)."""
        keep = torch.sigmoid(3.0 * self.gate(features))
        return keep * picture + (1.0 - keep) * self.rgb(features)


class ChannelGate(nn.Module):
    """Channel attention: scales each channel by a weight in 0..1 computed from its mean and maximum."""

    def __init__(self, channels: int):
        super().__init__()
        hidden = max(channels // 16, 8)
        self.weigh = nn.Sequential(nn.Linear(2 * channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, pooled: Tensor) -> Tensor:
        """Map means and maxima (B,2C) of the channels to their weights (B,C,1,1)."""
        return torch.sigmoid(self.weigh(pooled))[:, :, None, None]


class SpatialSeparatedAttention(nn.Module):
    """S²AM (Cun and Pun, 2020) as iS2AM uses it: foreground and background are gated separately."""

    def __init__(self, channels: int):
        super().__init__()
        self.background_gate = ChannelGate(channels)
        self.foreground_gate = ChannelGate(channels)
        self.mix_gate = ChannelGate(channels)
        self.foreground_path = nn.Sequential(
            conv_block(channels, channels // 2, bias=False),
            conv_block(channels // 2, channels, bias=False),
        )
        self.mask_blur: Tensor
        self.register_buffer("mask_blur", gaussian_kernel(size=7, sigma=1.0))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map features (B,C,H,W) and a mask (B,1,*,*) of any size to (B,C,H,W)."""
        mask = F.interpolate(mask, size=x.shape[2:], mode="bilinear", align_corners=True)
        mask = F.conv2d(mask, self.mask_blur.to(mask.dtype), padding=3)
        pooled = torch.cat((F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)), dim=1).flatten(1)
        foreground = self.foreground_path(x * self.foreground_gate(pooled))
        # Gates are applied before blending, because blending the gates would need another memory layout.
        kept = torch.lerp(x * self.background_gate(pooled), x * self.mix_gate(pooled), mask.to(x.dtype))
        return mask * foreground + kept


def gaussian_kernel(size: int, sigma: float) -> Tensor:
    """Make a normalized Gaussian as a convolution weight (1,1,size,size)."""
    line = [math.exp(-((k - (size - 1) / 2) ** 2) / (2 * sigma**2)) for k in range(size)]
    return torch.tensor([[[[a * b / sum(line) ** 2 for b in line] for a in line]]])
