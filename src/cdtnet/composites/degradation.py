"""Differences between a cut-out and its background besides color: grain, JPEG artifacts, inexact masks.

The network does not correct them. It learns to judge colors in their presence.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyvips
import torch
import torch.nn.functional as F
from torch import Tensor

from ..imaging.snapping import Edge, refine
from .recolor import RandomNumbers


def grain(rgb: Tensor, random: RandomNumbers) -> Tensor:
    """Add noise of a small sensor or of film: fine or coarse, more in lightness than in color.

    Args:
        rgb: (B,3,H,W), sRGB in 0..1.
        random: The random numbers.
    """
    height, width = rgb.shape[2:]
    is_coarse = random.chance(0.5)

    def noise(channels: int) -> Tensor:
        shape = (random.batch, channels, height, width)
        fine = torch.randn(shape, generator=random.generator, device=rgb.device)
        coarse = 3 * F.avg_pool2d(
            F.pad(fine, (1, 1, 1, 1), mode="circular"), 3, stride=1
        )  # with the same power
        return torch.lerp(fine, coarse, is_coarse)

    return (rgb + random.uniform(0.01, 0.05) * (noise(1) + random.uniform(0, 0.7) * noise(3))).clamp(0, 1)


def compress(rgb: Tensor, random: RandomNumbers, worst: float = 10, best: float = 60) -> Tensor:
    """Add JPEG artifacts with chroma at half resolution, of quality `worst` to `best`.

    Args:
        rgb: (B,3,H,W), sRGB in 0..1, on any device; encoded on the CPU.
        random: The random numbers.
        worst: The lowest quality.
        best: The highest quality.
    """
    quality = random.uniform(worst, best)
    pictures = (255 * rgb).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    with ThreadPoolExecutor() as pool:
        coded = np.stack([*pool.map(_jpeg, pictures, quality.flatten().tolist())])
    return torch.from_numpy(coded).to(rgb.device).permute(0, 3, 1, 2).to(rgb.dtype) / 255


def _jpeg(picture: np.ndarray, quality: float) -> np.ndarray:
    code = pyvips.Image.new_from_array(picture, interpretation="srgb").jpegsave_buffer(
        Q=round(quality), subsample_mode="on"
    )
    return np.asarray(pyvips.Image.new_from_buffer(code, "").numpy())


def misjudge(mask: Tensor, random: RandomNumbers) -> Tensor:
    """Make the mask inexact: too wide or too narrow, rounded, shifted, soft or hard.

    The edge moves by up to a twenty-fifth of the side, everywhere in the same direction or only in places.

    Args:
        mask: (B,1,H,W), 0..1, the foregrounds.
        random: The random numbers.

    Returns:
        Masks (B,1,H,W), 0..1. A mask whose area would grow more than threefold or shrink below a third is
        unchanged.
    """
    side = max(mask.shape[2:])
    drawn = mask.clone()
    kind = random.uniform(0, 1).flatten()
    for group, share in enumerate((0.01, 0.02, 0.04)):
        reach = max(round(side * share), 1)
        chosen = torch.nonzero((kind * 3).long() == group).flatten()
        if len(chosen):
            drawn[chosen] = _redrawn(mask[chosen], reach, RandomNumbers(len(chosen), random.generator))
    before, after = (area.sum((1, 2, 3), keepdim=True) for area in (mask, drawn))
    return torch.where((after < 3 * before) & (after > before / 3), drawn, mask)


def snap(mask: Tensor, rgb: Tensor) -> Tensor:
    """Refine rough masks to the edges of their pictures, as a `Harmonizer` does before the analysis.

    Args:
        mask: (B,1,H,W), 0..1.
        rgb: (B,3,H,W), the composites, sRGB in 0..1.

    Returns:
        Masks (B,1,H,W), 0..1. A mask that is exact, or for which there is no edge, is unchanged.
    """

    def snapped(image: np.ndarray, rough: np.ndarray) -> np.ndarray:
        refined = None if Edge(image, rough).is_sharp else refine(image, rough)
        return rough if refined is None else refined

    images, rough = rgb.permute(0, 2, 3, 1).cpu().numpy(), mask[:, 0].cpu().numpy()
    return torch.from_numpy(np.stack([*map(snapped, images, rough)]))[:, None].to(mask)


def _redrawn(mask: Tensor, reach: int, random: RandomNumbers) -> Tensor:
    """Return masks with errors of the edge of up to `reach` pixels."""
    height, width = mask.shape[2:]
    shift = random.chance(0.4) * random.uniform(-reach, reach, 2)  # in pixels, vertically and horizontally
    y = torch.arange(height, device=mask.device).view(1, 1, -1, 1) + shift[:, :1]
    x = torch.arange(width, device=mask.device).view(1, 1, 1, -1) + shift[:, 1:]
    grid = torch.broadcast_tensors((x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1)
    soft = F.grid_sample(
        mask, torch.stack([axis[:, 0] for axis in grid], dim=-1), padding_mode="border", align_corners=False
    )
    for _ in range(2):
        soft = F.avg_pool2d(soft, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    waves = torch.randn(random.batch, 1, 6, 6, generator=random.generator, device=mask.device)
    waves = F.interpolate(waves, size=mask.shape[2:], mode="bicubic", align_corners=True)
    level = (0.5 + random.uniform(-0.45, 0.42) + random.chance(0.5) * 0.2 * waves).clamp(0.04, 0.92)
    steepness = torch.exp(random.uniform(0, 3.5)) / torch.minimum(level, 1 - level)  # keeps 0 and 1
    return (steepness * (soft - level) / 2 + 0.5).clamp(0, 1)
