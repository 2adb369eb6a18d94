"""A random recoloring of a foreground, drawn once and applied to the photo tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..composites.color import linear_to_oklab, linear_to_srgb, srgb_to_linear
from ..composites.masks import generate_masks
from ..composites.recolor import RandomNumbers, relight, retouch, transfer
from ..composites.synthesis import FMSE_LIMIT, fmse
from ..imaging.geometry import Window, touched
from ..model.sampling import upsample
from .pictures import Bytes, enlarge_mask, limit
from .tasks import seed_of

LOW = 256  # longer side in pixels of the reduced copies whose colors determine the change
TILE = 512  # side of tiles in pixels, which bounds the memory
FMSE_FLOOR = 25.0  # recolorings with a smaller fMSE are drawn again
LIT = 0.25  # share of composites whose light changes, as in composites/synthesis.py
_GRAY = 0.2  # a gray so dark that no light makes it white


@dataclass(frozen=True)
class Recoloring:
    """A change of colors that does not depend on the tiles.

    Attributes:
        method: "transfer" or "retouch", and "+light" if the light changes across the picture.
        seed: The seed of its random numbers.
        low: (1,3,h,w), the reduced photo, sRGB in 0..1.
        low_mask: (1,1,h,w), its mask.
        donor: Another reduced photo and its mask, for transferred colors.
        light: (1,3,h,w), factors of linear light.
        amount: The share of the change that is applied.
    """

    method: str
    seed: int
    low: Tensor
    low_mask: Tensor
    donor: tuple[Tensor, Tensor] | None
    light: Tensor | None
    amount: float = 1.0

    def change(self, rgb: Tensor, window: Window, size: tuple[int, int]) -> Tensor:
        """Return the change of each pixel of a tile (1,3,h,w); `window` is its position in the photo."""
        random = RandomNumbers(1, torch.Generator().manual_seed(self.seed))
        if self.donor:
            # The statistics are those of the reduced copy; the tile's pixels have no weight.
            both = torch.cat((self.low.flatten(2), rgb.flatten(2)), dim=2)[:, :, None]
            pixels = rgb[:, :1].flatten(2)
            weight = torch.cat((self.low_mask.flatten(2), torch.zeros_like(pixels)), dim=2)[:, :, None]
            changed = transfer(both, weight, *self.donor, random)[..., -pixels.shape[2] :].view_as(rgb)
        else:
            changed = retouch(rgb, random)
        if self.light is not None:
            changed = linear_to_srgb(srgb_to_linear(changed) * upsample(self.light, size, window))
        return self.amount * (changed - rgb)

    def apply(self, photo: Bytes, mask: Bytes) -> Bytes:
        """Make the composite (H,W,3) of a photo (H,W,3) and its mask (H,W)."""
        composite = photo.copy()
        height, width = mask.shape
        for window in touched(mask, TILE):
            rgb = _tensor(photo[window.slices])
            weight = _tensor(mask[window.slices])
            moved = rgb + weight * self.change(rgb, window, (height, width))
            composite[window.slices] = (moved[0] * 255).round().byte().permute(1, 2, 0).numpy()
        return composite


def draw(
    photo: Bytes, mask: Bytes, donor: tuple[Bytes, Bytes] | None, seed: int, *item: str | int
) -> Recoloring:
    """Draw a recoloring of a photo's foreground; repeat if it is hardly visible, and reduce it if too strong.

    Args:
        photo: (H,W,3).
        mask: (H,W).
        donor: Another photo (h,w,3) and its mask (h,w) for transferred colors; None retouches instead.
        seed: The seed of the data set.
        item: Further parts of the seed.
    """
    low, low_mask = _tensor(limit(photo, LOW)), _tensor(limit(mask, LOW))
    size = (low.shape[2], low.shape[3])
    donated = donor and (_tensor(donor[0]), _tensor(donor[1]))
    for attempt in range(9):
        recoloring = _attempt(low, low_mask, donated, seed_of(seed, *item, attempt))
        change = recoloring.change(low, Window(0, 0, *size), size)
        error = float(fmse(change, low_mask))
        if error >= FMSE_FLOOR:
            break
    return replace(recoloring, amount=min(1.0, (FMSE_LIMIT / max(error, 1.0)) ** 0.5))


def _attempt(low: Tensor, low_mask: Tensor, donor: tuple[Tensor, Tensor] | None, seed: int) -> Recoloring:
    method, light = "transfer" if donor else "retouch", None
    random = RandomNumbers(1, torch.Generator().manual_seed(seed + 1))
    if random.chance(LIT) > 0:
        method += "+light"
        card = torch.full_like(low, _GRAY)
        light = srgb_to_linear(relight(card, random)) / srgb_to_linear(card)
    return Recoloring(method, seed, low, low_mask, donor, light)


def generated_mask(photo: Bytes, seed: int) -> Bytes:
    """Generate a region of a photo (H,W,3) that resembles a foreground, as a mask (H,W)."""
    lab = linear_to_oklab(srgb_to_linear(_tensor(limit(photo, LOW))))
    mask = generate_masks(lab, torch.Generator().manual_seed(seed))[0, 0]
    return enlarge_mask((mask * 255).round().byte().numpy(), *photo.shape[:2])


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit PyTorch to one thread: workers share the cores, and sums are the same everywhere."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _tensor(pixels: Bytes) -> Tensor:
    """Convert (H,W) or (H,W,3), 0..255, to (1,1,H,W) or (1,3,H,W), 0..1."""
    shaped = pixels[..., None] if pixels.ndim == 2 else pixels
    return torch.from_numpy(np.array(shaped)).permute(2, 0, 1)[None].float() / 255
