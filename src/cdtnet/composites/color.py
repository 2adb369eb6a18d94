"""Color spaces for making composites, on tensors (B,3,H,W)."""

import torch
from torch import Tensor

# Björn Ottosson, "A perceptual color space for image processing" (2020): linear sRGB to OKLab.
_RGB_TO_LMS = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """Convert sRGB values 0..1 to linear light 0..1 (IEC 61966-2-1)."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: Tensor) -> Tensor:
    """Invert `srgb_to_linear`; light outside 0..1 is clamped."""
    light = light.clamp(0, 1)
    return torch.where(
        light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    )


def _mix(matrix: Tensor, x: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", matrix.to(x), x)


def linear_to_oklab(light: Tensor) -> Tensor:
    """Convert linear sRGB (B,3,H,W) to OKLab, L in 0..1."""
    return _mix(_LMS_TO_LAB, _mix(_RGB_TO_LMS, light).clamp(min=0) ** (1 / 3))


def oklab_to_linear(lab: Tensor) -> Tensor:
    """Invert `linear_to_oklab`; the result may leave 0..1."""
    return _mix(torch.linalg.inv(_RGB_TO_LMS), _mix(torch.linalg.inv(_LMS_TO_LAB), lab) ** 3)
