"""Refinement module: combines both transformations at full resolution (paper section 3.4)."""

import torch
from torch import Tensor, nn

from .layers import GatedBlend

CLOSED = -8.0  # bias of a closed gate: it keeps sigmoid(3·−8) ≈ 0 of the composite


class Refinement(nn.Module):
    """Two 3×3 convolutions over the other modules' outputs; a tile needs a margin of `HALO` pixels.

    With a residual (`Config.residual`), it corrects the sum of the residual and the mapped picture: only
    differences from the sum are blended, so that all detail bypasses the convolutions.
    """

    def __init__(self, feature_channels: int, hidden: int = 64, *, residual: bool = False):
        super().__init__()
        self.residual = residual
        self.convs = nn.Sequential(
            nn.Conv2d(3 + 3 + 1 + feature_channels, hidden, 3, padding=1),
            nn.BatchNorm2d(hidden),
            nn.ELU(inplace=True),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.BatchNorm2d(hidden),
            nn.ELU(inplace=True),
        )
        self.blend = GatedBlend(hidden)
        if residual:
            self.begin_with_sum()

    def begin_with_sum(self) -> None:
        """Initialize the weights so that the correction is zero."""
        for value in (self.blend.gate.weight, self.blend.rgb.weight, self.blend.rgb.bias):
            nn.init.zeros_(value)  # type: ignore[arg-type]
        nn.init.constant_(self.blend.gate.bias, CLOSED)  # type: ignore[arg-type]

    def forward(
        self, image: Tensor, generated: Tensor, mapped: Tensor, mask: Tensor, features: Tensor
    ) -> Tensor:
        """Map normalized colors and features at full resolution to the refined picture (B,3,H,W).

        Args:
            image: (B,3,H,W), the composite; only used in the final blend.
            generated: (B,3,H,W), the generator's picture, or its residual to the color mapping's
                (`Config.residual`), upsampled.
            mapped: (B,3,H,W), the color mapping's picture.
            mask: (B,1,H,W) in 0..1.
            features: (B,C,H,W), the generator's features, upsampled.
        """
        hidden = self.convs(torch.cat((generated, mapped, mask, features), dim=1))
        if not self.residual:
            return self.blend(image, hidden)
        total = generated + mapped
        return total + self.blend(image - total, hidden)
