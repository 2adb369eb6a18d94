"""Training triplets made on the fly: real photo, foreground mask, and a composite that looks wrong."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import linear_to_oklab, srgb_to_linear
from .degradation import compress, grain, misjudge
from .masks import generate_masks
from .photos import PhotoStore
from .recolor import Dice, bleach, darken, relight, retouch, transfer

# Composites further than this from the real photo (fMSE, 0..255 scale) are drawn back towards it: beyond it
# nobody could say what the foreground looked like.
FMSE_LIMIT = 8000.0


class Triplet(NamedTuple):
    """A batch of training examples: composite (B,3,S,S), mask (B,1,S,S), real (B,3,S,S), all in 0..1."""

    composite: Tensor
    mask: Tensor
    real: Tensor


def draw(store: PhotoStore, batch: int, size: int, generator: torch.Generator) -> Triplet:
    """Draw photographs, crop and flip them, recolour their foregrounds; some masks are a little wrong.

    Some composites are drawn back towards the photograph, so that it is learnt to change little where little
    is wrong.

    Args:
        store: where photographs come from; its tensors' device is where the work is done.
        batch: number of triplets.
        size: side of the squares, in pixels.
        generator: source of all randomness, on the store's device.
    """
    composite, mask, real = synthesize(store, choose(store, batch, generator), size, generator)
    for chosen in _where(Dice(batch, generator).chance(0.15)):
        amount = Dice(len(chosen), generator).uniform(0, 0.6)
        composite[chosen] = torch.lerp(real[chosen], composite[chosen], amount)
    for chosen in _where(Dice(batch, generator).chance(0.12)):
        mask[chosen] = misjudge(mask[chosen], Dice(len(chosen), generator))
    return Triplet(composite, mask, real)


def choose(store: PhotoStore, batch: int, generator: torch.Generator) -> Tensor:
    """Which photographs (batch,) to make triplets of, by their weights."""
    return torch.multinomial(store.weights, batch, replacement=True, generator=generator)


def synthesize(store: PhotoStore, photo: Tensor, size: int, generator: torch.Generator) -> Triplet:
    """A triplet of each of these photographs (B,), masks as they should be; see `draw`."""
    taken, mask = _crop(store, photo, size, generator)
    dice = Dice(len(photo), generator)
    covered = mask.mean((1, 2, 3), keepdim=True)
    usable = (covered > 0.004) & (covered < 0.85) & (dice.chance(0.85) > 0)
    for chosen in _where(~usable):
        mask[chosen] = generate_masks(linear_to_oklab(srgb_to_linear(taken[chosen])), generator)
    worn = torch.where(
        dice.chance(0.5) > 0, mask, 1 - mask
    )  # the foreground is from elsewhere, or the background
    for wear, probability in ((grain, 0.1), (compress, 0.06)):
        for chosen in _where(dice.chance(probability)):
            changed = wear(taken[chosen], Dice(len(chosen), generator))
            taken[chosen] = torch.lerp(taken[chosen], changed, worn[chosen])
    real = taken.clone()
    for chosen in _where(dice.chance(0.3)):  # photos vary in taste, too
        real[chosen] = retouch(real[chosen], Dice(len(chosen), generator), strength=0.5)
    for chosen in _where(dice.chance(0.06)):
        real[chosen] = darken(real[chosen], Dice(len(chosen), generator))
    for chosen in _where(dice.chance(0.05)):
        real[chosen] = bleach(real[chosen], Dice(len(chosen), generator))
    for chosen in _where(dice.chance(0.5)):  # else the foreground comes from the photo before all that
        taken[chosen] = real[chosen]
    return Triplet(recolor(real, mask, generator, taken), mask, real)


def recolor(real: Tensor, mask: Tensor, generator: torch.Generator, taken: Tensor | None = None) -> Tensor:
    """The composite (B,3,S,S): `real`, its foreground recoloured by one of the families or left as it is.

    What is recoloured is the foreground of `taken`, the same pictures in other versions, if given.
    """
    dice = Dice(len(real), generator)
    family, lit = dice.uniform(0, 1), dice.chance(0.25)
    taken = real if taken is None else taken
    changed = torch.where(family < 0.96, taken, real)
    for chosen in _where(family < 0.35):
        other = (chosen + 1) % len(real)
        changed[chosen] = transfer(
            taken[chosen], mask[chosen], real[other], mask[other], Dice(len(chosen), generator)
        )
    for chosen in _where((family >= 0.35) & (family < 0.96)):
        changed[chosen] = retouch(taken[chosen], Dice(len(chosen), generator))
    for chosen in _where((lit > 0) & (family < 0.96)):
        changed[chosen] = relight(changed[chosen], Dice(len(chosen), generator))
    difference = mask * (changed - real)
    fmse = 255.0**2 * (mask * difference**2).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3)) + 1e-6)
    shrink = (FMSE_LIMIT / fmse.clamp(min=FMSE_LIMIT)).sqrt()
    return real + shrink.view(-1, 1, 1, 1) * difference


def _where(condition: Tensor) -> list[Tensor]:
    """The pictures of a batch that a condition (B,1,1,1) holds for: one index (n,), or none at all."""
    chosen = torch.nonzero(condition.flatten()).flatten()
    return [chosen] if len(chosen) else []


def _crop(store: PhotoStore, photo: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random resized crops (0.5-1 of the area), flipped half of the time, of photographs and their masks."""
    device = store.images.device
    dice = Dice(len(photo), generator)
    pick = (dice.uniform(0, 1).flatten() * store.mask_count[photo]).long()
    masks = store.masks[store.first_mask[photo] + pick]
    stacked = torch.cat((store.images[photo], masks[:, None]), dim=1).float() / 255.0
    if store.size > size * 3 // 2 and torch.rand((), generator=generator, device=device) < 0.5:
        # else they are shrunk without a low-pass filter, as data sets are in published evaluations
        stacked = F.interpolate(stacked, (size * 5 // 4,) * 2, mode="bilinear", antialias=True)
    aspect = torch.exp(dice.normal(0.1))
    area = dice.uniform(0.5, 1.0).sqrt()
    height, width = (area * aspect).clamp(max=1.0), (area / aspect).clamp(max=1.0)
    flip = 1 - 2 * dice.chance(0.5)
    line = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
    y = line.view(1, 1, size, 1) * height + dice.uniform(-1, 1) * (1 - height)
    x = line.view(1, 1, 1, size) * width * flip + dice.uniform(-1, 1) * (1 - width)
    grid = torch.stack(torch.broadcast_tensors(x[:, 0], y[:, 0]), dim=-1)
    cropped = F.grid_sample(stacked, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return cropped[:, :3].contiguous(), cropped[:, 3:].contiguous()
