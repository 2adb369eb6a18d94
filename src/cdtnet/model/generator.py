"""Low-resolution generator, the pixel-to-pixel transformation: the iS2AM U-Net (paper section 3.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import GatedBlend, SpatialSeparatedAttention, conv_block

CHANNELS = (32, 64, 128, 256)
FEATURES = CHANNELS[0]
BOTTLENECK = CHANNELS[-1]


class Encoder(nn.Module):
    """Four levels of two convolutions; each level has half the size of the previous one."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for level, (before, channels) in enumerate(zip((4, *CHANNELS), CHANNELS, strict=False)):
            norm = level >= 2
            self.levels.append(
                nn.Sequential(
                    conv_block(before, channels, norm=norm), conv_block(channels, channels, norm=norm)
                )
            )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (B,4,S,S) to the features of every level, finest first: (B,32,S,S) … (B,256,S/8,S/8)."""
        levels = [self.levels[0](x)]
        for level in self.levels[1:]:
            levels.append(level(F.max_pool2d(levels[-1], 2)))
        return levels


class UpBlock(nn.Module):
    """One level of the decoder: upsample by two, and combine with the encoder's features of that size."""

    def __init__(self, channels: int, *, attention: bool):
        super().__init__()
        self.up = conv_block(2 * channels, channels, norm=False)
        self.attention = SpatialSeparatedAttention(2 * channels) if attention else None
        self.convs = nn.Sequential(conv_block(2 * channels, channels), conv_block(channels, channels))

    def forward(self, x: Tensor, skip: Tensor, mask: Tensor) -> Tensor:
        """Map (B,2C,s,s) and the skip connection (B,C,2s,2s) to (B,C,2s,2s)."""
        x = self.up(F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=True))
        x = torch.cat((skip, x), dim=1)
        if self.attention is not None:
            x = self.attention(x, mask)
        return self.convs(x)


class Generator(nn.Module):
    """iS2AM (Sofiiuk et al., 2021): harmonizes the whole picture at base size."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.up_blocks = nn.ModuleList(
            UpBlock(channels, attention=channels == FEATURES) for channels in CHANNELS[-2::-1]
        )
        self.blend = GatedBlend(FEATURES)

    def decode(self, image: Tensor, mask: Tensor, levels: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Decode the encoder's levels to the harmonized picture and the last features.

        Args:
            image: (B,3,S,S), normalized.
            mask: (B,1,S,S) in 0..1.
            levels: The encoder's output for both.

        Returns:
            RGB (B,3,S,S), normalized, and features (B,32,S,S).
        """
        *skips, features = levels
        for block, skip in zip(self.up_blocks, reversed(skips), strict=True):
            features = block(features, skip, mask)
        return self.blend(image, features), features
