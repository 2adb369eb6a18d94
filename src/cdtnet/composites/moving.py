"""Objects moved within their own photograph: the light is the same, so their own colors are correct.

The edge of a foreground that is recolored in place reveals the change, because neighboring pixels of the same
photograph meet there. An object that is pasted elsewhere does not reveal it, as in real composites.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import linear_to_oklab, linear_to_srgb, oklab_to_linear, srgb_to_linear
from .recolor import RandomNumbers, rotate_hue


def move(taken: Tensor, mask: Tensor, background: Tensor, random: RandomNumbers) -> tuple[Tensor, Tensor]:
    """Cut objects out, mirror, rotate and scale them, and paste them into another part of their photograph.

    Args:
        taken: (B,3,H,W), sRGB in 0..1, with the objects.
        mask: (B,1,H,W), the objects.
        background: (B,3,H,W), the pictures onto which they are pasted.
        random: The random numbers.

    Returns:
        The pictures (B,3,H,W) and the pasted objects' coverage (B,1,H,W).
    """
    color = torch.where(random.chance(0.5) > 0, spread(taken, mask), taken)
    moved = _warp(torch.cat((color, mask), dim=1), mask, random)
    alpha = moved[:, 3:]
    soft = F.avg_pool2d(F.pad(alpha, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    edge = random.uniform(0, 1)
    alpha = torch.where(edge < 0.3, (alpha > 0.5).float(), torch.where(edge < 0.6, soft, alpha))
    return torch.lerp(background, moved[:, :3], alpha), alpha


def spread(rgb: Tensor, mask: Tensor) -> Tensor:
    """Extend objects' colors over their edges, so that no color of the old background is left."""

    def near(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

    inner = -F.max_pool2d(-mask, 3, stride=1, padding=1)
    known, color = inner, rgb * inner
    for _ in range(3):
        known_near, color_near = near(known), near(color)
        known = torch.maximum(known, known_near)
        color = torch.lerp(known * color_near / known_near.clamp(min=1e-4), color, inner)
    return torch.where(known > 1e-3, torch.lerp(color / known.clamp(min=1e-3), rgb, inner), rgb)


def _warp(picture: Tensor, mask: Tensor, random: RandomNumbers) -> Tensor:
    """Move and scale pictures (B,C,H,W) by the extent of their masks; 0 outside."""
    height, width = mask.shape[2:]
    (y, rows), (x, columns) = (_middle(mask.amax(axis) > 0.5) for axis in (3, 2))
    extent = torch.maximum(rows, columns).clamp(min=4 / max(height, width))
    wanted = random.uniform(0.25, 0.85)
    scale = (wanted / extent).clamp(0.4, 1.6)
    extent = scale * extent
    reach = (1 - 0.7 * extent).clamp(min=0)  # mostly inside the picture
    down, across = random.uniform(-1, 1) * reach, random.uniform(-1, 1) * reach
    angle = random.chance(0.3) * random.normal(math.pi / 18)
    flip = 1 - 2 * random.chance(0.5)
    line_y = ((torch.arange(height, device=mask.device) + 0.5) / height * 2 - 1).view(1, 1, -1, 1) - down
    line_x = ((torch.arange(width, device=mask.device) + 0.5) / width * 2 - 1).view(1, 1, 1, -1) - across
    from_x = (line_x * angle.cos() + line_y * angle.sin()) / scale * flip + x
    from_y = (line_y * angle.cos() - line_x * angle.sin()) / scale + y
    grid = torch.stack((from_x[:, 0], from_y[:, 0]), dim=-1)
    return F.grid_sample(picture, grid, padding_mode="zeros", align_corners=False)


def _middle(marked: Tensor) -> tuple[Tensor, Tensor]:
    """Return center and half extent of the marked part of lines (B,1,N), in -1..1; (B,1,1,1)."""
    length = marked.shape[2]
    first, last = (line.float().argmax(2) for line in (marked, marked.flip(2)))
    low, high = first / length * 2 - 1, 1 - last / length * 2
    shape = (-1, 1, 1, 1)
    return ((low + high) / 2).view(shape), ((high - low) / 2).view(shape)


def repaint(rgb: Tensor, mask: Tensor, random: RandomNumbers) -> Tensor:
    """Make objects white or gray in the light of their surroundings, or give them a strong color.

    Args:
        rgb: (B,3,H,W), sRGB in 0..1.
        mask: (B,1,H,W), the objects.
        random: The random numbers.
    """
    lab = linear_to_oklab(srgb_to_linear(rgb))
    around = 1 - mask
    cast = (lab[:, 1:] * around).sum((2, 3), keepdim=True) / around.sum((2, 3), keepdim=True).clamp(min=1)
    lightness, chroma = lab[:, :1], lab[:, 1:]
    gray = random.uniform(0, 0.15) * chroma + random.uniform(0.2, 0.9) * cast * lightness
    vivid = rotate_hue(chroma * random.uniform(1, 1.8), random.uniform(-math.pi, math.pi))
    lift = random.chance(0.5) * random.uniform(0, 0.6)  # towards white
    is_gray = random.chance(0.5) > 0
    lightness = torch.where(is_gray, lightness + lift * (0.93 - lightness).clamp(min=0), lightness)
    painted = torch.cat((lightness, torch.where(is_gray, gray, vivid)), dim=1)
    return torch.lerp(rgb, linear_to_srgb(oklab_to_linear(painted)), mask)
