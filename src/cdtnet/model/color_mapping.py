"""Color mapping module, the RGB-to-RGB transformation: basis LUTs with predicted weights (section 3.3)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

LUT_SIZE = 33


class ColorMapping(nn.Module):
    """Predicts one 3D lookup table for the picture, as a weighted sum of learned basis LUTs.

    Mixing is linear, Σ wᵢ·LUTᵢ(x) = (Σ wᵢ·LUTᵢ)(x), so the tables are mixed first and looked up once.

    Args:
        bottleneck_channels: Number of channels of the encoder's coarsest features.
        luts: Number of basis LUTs.
        split: Whether weights are predicted from foreground and background separately; if not, from the
            features of the whole picture (the paper's ablation).
    """

    def __init__(self, bottleneck_channels: int, luts: int = 4, *, split: bool = True):
        super().__init__()
        self.split = split
        self.project = nn.Conv2d(bottleneck_channels, 256, 1)
        self.weigh = nn.Conv2d(512 if split else 256, luts, 1)
        self.basis = nn.Parameter(torch.zeros(luts, 3, LUT_SIZE, LUT_SIZE, LUT_SIZE))
        with torch.no_grad():
            self.basis[0] = identity_table()
            self.weigh.bias.zero_()  # type: ignore[union-attr]
            self.weigh.bias[0] = 1.0  # type: ignore[index]

    def predict_weights(self, bottleneck: Tensor, mask: Tensor) -> Tensor:
        """Predict weights (B,N) from features (B,256,s,s) and mask (B,1,s,s).

        Foreground and background are both averaged over all positions, not over their own area, so the
        weights also depend on the size of the foreground.
        """
        features = self.project(bottleneck)
        parts = (mask, 1.0 - mask) if self.split else (torch.ones_like(mask),)
        pooled = [(features * part).mean((2, 3), keepdim=True) for part in parts]
        return self.weigh(torch.cat(pooled, dim=1)).flatten(1)

    def forward(self, bottleneck: Tensor, mask: Tensor) -> Tensor:
        """Mix the table (B,3,33,33,33), axes color, blue, green, red; always in single precision."""
        with torch.autocast(
            bottleneck.device.type, enabled=False
        ):  # half floats in a table would cause banding
            weights = self.predict_weights(bottleneck.to(self.basis.dtype), mask)
            return torch.einsum("bn,ncxyz->bcxyz", weights, self.basis)


def identity_table() -> Tensor:
    """Return the table (3,33,33,33) that maps every color to itself."""
    # By NumPy: on the meta device, where models are built, PyTorch's functions would import 800 modules.
    blue, green, red = np.meshgrid(*3 * [np.linspace(0, 1, LUT_SIZE, dtype=np.float32)], indexing="ij")
    return torch.from_numpy(np.stack((red, green, blue)))


def apply_table(table: Tensor, image: Tensor) -> Tensor:
    """Look up image (B,3,H,W) in 0..1 in table (B,3,S,S,S), trilinearly; the result is not clamped."""
    grid = image.permute(0, 2, 3, 1)[:, None] * 2 - 1  # (B,1,H,W,rgb), −1..1
    return F.grid_sample(table, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]


def map_colors(table: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Look up the image (B,3,H,W) where the mask (B,1,H,W) is foreground."""
    return torch.lerp(image, apply_table(table, image), mask)
