"""What tells a cut-out from its background beside colour: grain, JPEG artefacts, a mask not quite right.

None of it is the network's to mend; it has to judge colours in spite of it.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyvips
import torch
import torch.nn.functional as F
from torch import Tensor

from .recolor import Dice


def grain(rgb: Tensor, dice: Dice) -> Tensor:
    """Noise of a small sensor or of film: fine or coarse, of lightness more than of colour.

    Args:
        rgb: (B,3,H,W), sRGB in 0..1.
        dice: source of randomness.
    """
    height, width = rgb.shape[2:]
    is_coarse = dice.chance(0.5)

    def noise(channels: int) -> Tensor:
        shape = (dice.batch, channels, height, width)
        fine = torch.randn(shape, generator=dice.generator, device=rgb.device)
        coarse = 3 * F.avg_pool2d(
            F.pad(fine, (1, 1, 1, 1), mode="circular"), 3, stride=1
        )  # of the same power
        return torch.lerp(fine, coarse, is_coarse)

    return (rgb + dice.uniform(0.01, 0.05) * (noise(1) + dice.uniform(0, 0.7) * noise(3))).clamp(0, 1)


def compress(rgb: Tensor, dice: Dice) -> Tensor:
    """JPEG artefacts, of quality 10 to 60.

    Args:
        rgb: (B,3,H,W), sRGB in 0..1, on any device; encoded on the CPU.
        dice: source of randomness.
    """
    pictures = (255 * rgb).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    with ThreadPoolExecutor() as pool:
        coded = np.stack([*pool.map(_jpeg, pictures, dice.uniform(10, 60).flatten().tolist())])
    return torch.from_numpy(coded).to(rgb.device).permute(0, 3, 1, 2).to(rgb.dtype) / 255


def _jpeg(picture: np.ndarray, quality: float) -> np.ndarray:
    code = pyvips.Image.new_from_array(picture, interpretation="srgb").jpegsave_buffer(Q=round(quality))
    return np.asarray(pyvips.Image.new_from_buffer(code, "").numpy())


def misjudge(mask: Tensor, dice: Dice) -> Tensor:
    """The mask as someone may have drawn it: edges softer, too wide in places, too narrow in others.

    Args:
        mask: (B,1,H,W), 0..1, the foregrounds.
        dice: source of randomness.

    Returns:
        Masks (B,1,H,W), 0..1, with edges off by up to about a hundredth of the side. One whose area would
        change by more than half stays as it was.
    """
    reach = max(max(mask.shape[2:]) // 100, 1)
    soft = mask
    for _ in range(2):
        soft = F.avg_pool2d(soft, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
    waves = torch.randn(dice.batch, 1, 5, 5, generator=dice.generator, device=mask.device)
    waves = F.interpolate(waves, size=mask.shape[2:], mode="bicubic", align_corners=True)
    level = (0.5 + dice.normal(0.2) + 0.2 * waves).clamp(0.1, 0.9)
    steepness = torch.exp(dice.uniform(0, 2)) / torch.minimum(level, 1 - level)  # 0 and 1 stay 0 and 1
    drawn = (steepness * (soft - level) / 2 + 0.5).clamp(0, 1)
    before, after = (area.sum((1, 2, 3), keepdim=True) for area in (mask, drawn))
    return torch.where((after - before).abs() < before / 2, drawn, mask)
