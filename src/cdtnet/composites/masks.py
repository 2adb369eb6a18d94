"""Generated foreground masks for photographs without any."""

import torch
import torch.nn.functional as F
from torch import Tensor


def generate_masks(lab: Tensor, generator: torch.Generator) -> Tensor:
    """Make one foreground mask per picture: a blob, or a region that follows the picture's colors.

    Args:
        lab: (B,3,H,W), the pictures in OKLab.
        generator: The random generator.

    Returns:
        Masks (B,1,H,W) in 0..1, with edges about one pixel soft, that cover 1-55 % of the picture.
    """
    batch, _, height, width = lab.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(batch, *shape, generator=generator, device=lab.device) * (high - low) + low

    y = torch.linspace(0, 1, height, device=lab.device).view(1, 1, height, 1)
    x = torch.linspace(0, 1, width, device=lab.device).view(1, 1, 1, width)
    smooth = F.avg_pool2d(lab, 5, stride=1, padding=2, count_include_pad=False)
    distance = torch.full((batch, 1, height, width), float("inf"), device=lab.device)
    for seed in range(2):  # the union of one or two regions, each grown around a pixel
        row, column = uniform(0.1, 0.9, 1, 1, 1), uniform(0.1, 0.9, 1, 1, 1)
        pixel = ((row * height).long() * width + (column * width).long()).view(batch, 1, 1).expand(-1, 3, 1)
        color = smooth.flatten(2).gather(2, pixel)[..., None]
        stretch = uniform(0.5, 2, 1, 1, 1)
        near = (y - row) ** 2 * stretch + (x - column) ** 2 / stretch
        # half of the regions follow colors closely, the others hardly
        colorful = uniform(0, 1, 1, 1, 1) ** 4 * 8 * ((smooth - color) ** 2).sum(1, keepdim=True)
        skipped = (uniform(0, 1, 1, 1, 1) < 0.5) & (seed > 0)
        distance = torch.minimum(distance, (near + colorful).masked_fill(skipped, float("inf")))
    wobble = torch.randn(batch, 1, 7, 7, generator=generator, device=lab.device)
    wobble = F.interpolate(wobble, size=(height, width), mode="bicubic", align_corners=False)
    field = distance.sqrt() + uniform(0.0, 0.12, 1, 1, 1) * wobble
    field = F.avg_pool2d(F.pad(field, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    area = 0.01 + 0.54 * uniform(0, 1, 1, 1, 1) ** 2
    ordered = field.flatten(1).sort(dim=1).values
    level = ordered.gather(1, (area.flatten(1) * (height * width - 1)).long())[..., None, None]
    softness = (ordered[:, -1] - ordered[:, 0]).view(batch, 1, 1, 1) / max(height, width)
    return ((level - field) / softness.clamp(min=1e-6) + 0.5).clamp(0, 1)
