"""Three ways to recolor a foreground so that it looks wrong, for whole batches.

As in iHarmony4: the colors of another photo (HCOCO, HFlickr), the style of another retoucher (HAdobe5k), and
other light (Hday2night, and light that changes across the picture). All random numbers are drawn per picture.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import linear_to_oklab, linear_to_srgb, oklab_to_linear, srgb_to_linear


class RandomNumbers:
    """Random numbers per picture of a batch, shaped (B,C,1,1) to broadcast over pixels."""

    def __init__(self, batch: int, generator: torch.Generator):
        self.batch = batch
        self.generator = generator

    def normal(self, scale: float, channels: int = 1) -> Tensor:
        """Draw from a normal distribution with mean 0, clipped at 2.5 standard deviations."""
        shape = (self.batch, channels, 1, 1)
        noise = torch.randn(shape, generator=self.generator, device=self.generator.device)
        return scale * noise.clamp(-2.5, 2.5)

    def uniform(self, low: float, high: float, channels: int = 1) -> Tensor:
        """Draw from a uniform distribution in low..high."""
        shape = (self.batch, channels, 1, 1)
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.generator.device)

    def chance(self, probability: float) -> Tensor:
        """Draw 1 with this probability, else 0."""
        return (self.uniform(0, 1) < probability).float()


def transfer(
    rgb: Tensor, mask: Tensor, other_rgb: Tensor, other_mask: Tensor, random: RandomNumbers
) -> Tensor:
    """Transfer color statistics of another photo to the foreground, by a random amount (Reinhard, in OKLab).

    Args:
        rgb: (B,3,H,W), sRGB in 0..1.
        mask: (B,1,H,W), the foregrounds.
        other_rgb: (B,3,H,W), the other photos.
        other_mask: (B,1,H,W), their foregrounds; half of the time the whole frame is used instead.
        random: The random numbers.
    """
    lab = linear_to_oklab(srgb_to_linear(rgb))
    mean, std = _statistics(lab, mask)
    other_lab = linear_to_oklab(srgb_to_linear(other_rgb))
    other_mean, other_std = _statistics(other_lab, torch.maximum(other_mask, random.chance(0.5)))
    amount = random.uniform(0.25, 1.0)
    ratio = (other_std / std).clamp(0.5, 2.0) ** amount
    return linear_to_srgb(oklab_to_linear((lab - mean) * ratio + torch.lerp(mean, other_mean, amount)))


def _statistics(lab: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    area = mask.sum((2, 3), keepdim=True).clamp(min=1.0)
    mean = (lab * mask).sum((2, 3), keepdim=True) / area
    variance = ((lab - mean) ** 2 * mask).sum((2, 3), keepdim=True) / area
    return mean, (variance + 1e-5).sqrt()


def retouch(rgb: Tensor, random: RandomNumbers, strength: float = 1.0) -> Tensor:
    """Change exposure and white balance in linear light, then tone and color, as a retoucher does.

    Args:
        rgb: (B,3,H,W), sRGB in 0..1.
        random: The random numbers.
        strength: The scale of all adjustments; at 1 they differ as much as those of two experts.
    """

    def maybe(probability: float, scale: float, channels: int = 1) -> Tensor:
        return random.chance(probability) * random.normal(strength * scale, channels)

    warmth, tint, exposure = maybe(0.6, 0.16), maybe(0.4, 0.06), maybe(0.7, 0.65)
    gains = torch.cat((warmth + tint / 2, -tint, -warmth + tint / 2), dim=1)
    haze = random.chance(0.15 * strength) * random.uniform(0, 0.35)
    light = srgb_to_linear(rgb) * torch.exp2(exposure) * torch.exp(gains)
    light = torch.lerp(light, random.uniform(0.4, 0.9) * torch.exp(random.normal(0.1, 3)), haze)

    lab = linear_to_oklab(light.clamp(0, 1.5))
    tone = lab[:, :1].clamp(0, 1)
    tone = tone ** torch.exp(maybe(0.5, 0.28))  # gamma
    curve = tone * tone * (3 - 2 * tone)
    tone = tone + maybe(0.5, 0.4).clamp(-0.8, 0.9) * (
        curve - tone
    )  # contrast: towards, or away from, an S curve
    tone = tone + random.chance(0.2) * random.uniform(0, 0.12 * strength) * (1 - tone)  # lifted blacks
    chroma = lab[:, 1:] * torch.exp(maybe(0.6, 0.35))
    chroma = rotate_hue(chroma, maybe(0.2, 0.15))
    chroma = chroma + maybe(0.3, 0.02, 2) * (1 - tone) + maybe(0.3, 0.02, 2) * tone  # split toning
    toned = linear_to_srgb(oklab_to_linear(torch.cat((tone, chroma), dim=1)))
    return (toned + _smooth_table(toned, maybe(0.3, 0.05), random)).clamp(0, 1)


def rotate_hue(chroma: Tensor, angle: Tensor) -> Tensor:
    """Rotate OKLab's a and b (B,2,H,W) by angles (B,1,1,1) in radians."""
    a, b = chroma[:, :1], chroma[:, 1:]
    return torch.cat((a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()), dim=1)


def _smooth_table(rgb: Tensor, amount: Tensor, random: RandomNumbers) -> Tensor:
    """Return offsets from a smooth random 3D LUT."""
    noise = torch.randn(random.batch, 3, 3, 3, 3, generator=random.generator, device=rgb.device)
    table = F.interpolate(noise, size=(9, 9, 9), mode="trilinear", align_corners=True)
    grid = rgb.permute(0, 2, 3, 1)[:, None] * 2 - 1
    return amount * F.grid_sample(table, grid, align_corners=True, padding_mode="border")[:, :, 0]


def darken(rgb: Tensor, random: RandomNumbers) -> Tensor:
    """Make pictures look taken at night: one to three stops darker, cooler and less colorful."""
    cool = random.uniform(0, 0.3)
    light = srgb_to_linear(rgb) * torch.exp2(-random.uniform(1, 3))
    lab = linear_to_oklab(light * torch.exp(torch.cat((-cool, torch.zeros_like(cool), cool), dim=1)))
    faded = random.uniform(0.4, 1) * lab[:, 1:]
    return linear_to_srgb(oklab_to_linear(torch.cat((lab[:, :1], faded), dim=1)))


def bleach(rgb: Tensor, random: RandomNumbers) -> Tensor:
    """Convert to black and white, half of the time with the tone of an old print."""
    lightness = linear_to_oklab(srgb_to_linear(rgb))[:, :1]
    tone = random.chance(0.5) * torch.cat((random.uniform(-0.005, 0.02), random.uniform(-0.01, 0.05)), dim=1)
    return linear_to_srgb(oklab_to_linear(torch.cat((lightness, tone.expand(-1, -1, *rgb.shape[2:])), dim=1)))


def relight(rgb: Tensor, random: RandomNumbers) -> Tensor:
    """Apply light that changes smoothly across the picture, in intensity and slightly in color."""
    waves = torch.randn(random.batch, 1, 3, 3, generator=random.generator, device=rgb.device)
    stops = F.interpolate(waves, size=rgb.shape[2:], mode="bicubic", align_corners=True)
    color = 1.0 + random.normal(0.15, 3)
    return linear_to_srgb(srgb_to_linear(rgb) * torch.exp2(random.normal(0.45) * stops * color))
