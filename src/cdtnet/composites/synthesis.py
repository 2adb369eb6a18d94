"""Training triplets made on the fly: real photo, foreground mask, and recolored composite."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import linear_to_oklab, srgb_to_linear
from .degradation import compress, grain, misjudge, snap
from .masks import generate_masks
from .moving import move, repaint
from .photos import PhotoStore
from .recolor import RandomNumbers, bleach, darken, relight, retouch, transfer

# Composites with a larger fMSE (0..255 scale) are interpolated towards the real photo, because their original
# foreground cannot be recognized.
FMSE_LIMIT = 8000.0
MOVED = 0.5  # share of composites with moved objects
MISJUDGED = 0.6  # share of inexact masks
SNAPPED = 0.6  # share of these that are then refined to edges of the picture
DRAWN_BACK = 0.2  # share of composites that are interpolated towards the photograph
LIT = 0.5  # share of recolored foregrounds with light that changes across them


class Triplet(NamedTuple):
    """A batch of training examples: composite (B,3,S,S), mask (B,1,S,S), real (B,3,S,S), all in 0..1."""

    composite: Tensor
    mask: Tensor
    real: Tensor


def draw(store: PhotoStore, batch: int, size: int, generator: torch.Generator) -> Triplet:
    """Draw photographs and make triplets similar to real composites, with inexact masks.

    Half are objects moved within their photograph (`moving.py`), the others recolored photographs. Some
    composites are interpolated towards the photograph, so that the network learns to change little if little
    is wrong. Outside of the mask, `real` is the composite, because nothing can be corrected there.

    Args:
        store: The photographs; the work is done on the device of its tensors.
        batch: The number of triplets.
        size: The side of the squares in pixels.
        generator: The random generator, on the store's device.
    """
    weights = store.weights * (
        1 + (store.mask_count > 0)
    )  # outlines of objects are more useful than generated ones
    photo = torch.multinomial(weights, batch, replacement=True, generator=generator)
    random = RandomNumbers(batch, generator)
    is_moved = random.chance(MOVED)
    parts = []
    for condition, make in ((is_moved > 0, synthesize_moved), (is_moved == 0, synthesize)):
        parts += [
            (chosen, make(store, photo[chosen], size, generator, lit=LIT)) for chosen in _where(condition)
        ]
    order = torch.cat([chosen for chosen, _ in parts]).argsort()
    composite, mask, real = (
        torch.cat(tensors)[order] for tensors in zip(*(t for _, t in parts), strict=True)
    )
    for chosen in _where(random.chance(DRAWN_BACK)):
        amount = RandomNumbers(len(chosen), generator).uniform(0, 0.6)
        composite[chosen] = torch.lerp(real[chosen], composite[chosen], amount)
    for chosen in _where(random.chance(0.15)):
        own = RandomNumbers(len(chosen), generator)
        coded = compress(composite[chosen], own, worst=70, best=95)  # as composites are saved
        real[chosen] = (real[chosen] + coded - composite[chosen]).clamp(0, 1)
        composite[chosen] = coded
    for chosen in _where(random.chance(MISJUDGED)):
        mask[chosen] = misjudge(mask[chosen], RandomNumbers(len(chosen), generator))
        for few in _where(RandomNumbers(len(chosen), generator).chance(SNAPPED)):
            mask[chosen[few]] = snap(mask[chosen[few]], composite[chosen[few]])
    return Triplet(composite, mask, torch.where(mask > 0, real, composite))


def choose(store: PhotoStore, batch: int, generator: torch.Generator) -> Tensor:
    """Choose photographs (batch,) at random, by their weights."""
    return torch.multinomial(store.weights, batch, replacement=True, generator=generator)


def synthesize(
    store: PhotoStore, photo: Tensor, size: int, generator: torch.Generator, *, lit: float = 0.25
) -> Triplet:
    """Make a triplet of each photograph (B,), recolored in place, with exact masks; see `draw`.

    Args:
        store: The photographs.
        photo: (B,), the indices of the photographs.
        size: The side of the squares in pixels.
        generator: The random generator.
        lit: The share of composites with light that changes across the foreground.
    """
    taken, mask = _crop(store, photo, size, generator)
    random = RandomNumbers(len(photo), generator)
    mask = _usable(taken, mask, random)
    worn = torch.where(
        random.chance(0.5) > 0, mask, 1 - mask
    )  # either the foreground or the background is degraded
    for wear, probability in ((grain, 0.1), (compress, 0.06)):
        for chosen in _where(random.chance(probability)):
            changed = wear(taken[chosen], RandomNumbers(len(chosen), generator))
            taken[chosen] = torch.lerp(taken[chosen], changed, worn[chosen])
    real = _developed(taken, random)
    for chosen in _where(random.chance(0.5)):  # otherwise the foreground is that of the original version
        taken[chosen] = real[chosen]
    return Triplet(recolor(real, mask, generator, taken, lit=lit), mask, real)


def synthesize_moved(
    store: PhotoStore, photo: Tensor, size: int, generator: torch.Generator, *, lit: float = 0.25
) -> Triplet:
    """Make a triplet of each photograph (B,) with its object pasted elsewhere; see `synthesize`."""
    taken, mask = _crop(store, photo, size, generator)
    random = RandomNumbers(len(photo), generator)
    mask = _usable(taken, mask, random)
    background = _background(store, photo, size, generator)
    pasted, alpha = move(taken, mask, background, random)
    seen = alpha.mean((1, 2, 3), keepdim=True) > 0.002
    pasted, alpha = torch.where(seen, pasted, taken), torch.where(seen, alpha, mask)
    real = _developed(pasted, random)
    for chosen in _where(random.chance(0.12)):
        real[chosen] = repaint(real[chosen], alpha[chosen], RandomNumbers(len(chosen), generator))
    composite = recolor(real, alpha, generator, lit=lit)
    for chosen in _where(random.chance(0.1)):  # correct colors
        composite[chosen] = real[chosen]
    for chosen in _where(random.chance(0.1)):  # a second object with its own change, inside the mask or not
        few = RandomNumbers(len(chosen), generator)
        other, second = move(taken[chosen], mask[chosen], composite[chosen], few)
        second = second * (1 - alpha[chosen])
        wrong = recolor(other, second, generator, lit=lit)
        beside = 1 - second
        composite[chosen] = torch.lerp(wrong, composite[chosen], beside)
        asked = few.chance(0.5)
        real[chosen] = torch.lerp(torch.lerp(wrong, other, asked), real[chosen], beside)
        alpha[chosen] = torch.maximum(alpha[chosen], second * asked)
    return Triplet(composite, alpha, real)


def _background(store: PhotoStore, photo: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Choose the crop (B,3,S,S), of three, that shows least of the object, which would reveal the target."""
    crops = [_crop(store, photo, size, generator, smallest=0.3) for _ in range(3)]
    least = torch.stack([mask.mean((1, 2, 3)) for _, mask in crops]).argmin(0).view(-1, 1, 1, 1)
    background = crops[0][0]
    for number, (taken, _) in enumerate(crops[1:], start=1):
        background = torch.where(least == number, taken, background)
    return background


def _usable(taken: Tensor, mask: Tensor, random: RandomNumbers) -> Tensor:
    """Return the masks; generated ones replace unusable ones and 15 % of the others."""
    covered = mask.mean((1, 2, 3), keepdim=True)
    usable = (covered > 0.004) & (covered < 0.85) & (random.chance(0.85) > 0)
    for chosen in _where(~usable):
        mask[chosen] = generate_masks(linear_to_oklab(srgb_to_linear(taken[chosen])), random.generator)
    return mask


def _developed(taken: Tensor, random: RandomNumbers) -> Tensor:
    """Retouch pictures randomly, because photographs differ in style."""
    real = taken.clone()
    for chosen in _where(random.chance(0.3)):
        real[chosen] = retouch(real[chosen], RandomNumbers(len(chosen), random.generator), strength=0.5)
    for chosen in _where(random.chance(0.06)):
        real[chosen] = darken(real[chosen], RandomNumbers(len(chosen), random.generator))
    for chosen in _where(random.chance(0.05)):
        real[chosen] = bleach(real[chosen], RandomNumbers(len(chosen), random.generator))
    return real


def recolor(
    real: Tensor,
    mask: Tensor,
    generator: torch.Generator,
    taken: Tensor | None = None,
    *,
    lit: float = 0.25,
) -> Tensor:
    """Make the composite (B,3,S,S): recolor the foreground of `real` in one of the ways, or not at all.

    If `taken`, another version of the same pictures, is given, its foreground is recolored instead. A share
    `lit` also gets light that changes across the foreground.
    """
    random = RandomNumbers(len(real), generator)
    family, is_lit = random.uniform(0, 1), random.chance(lit)
    taken = real if taken is None else taken
    changed = torch.where(family < 0.96, taken, real)
    for chosen in _where(family < 0.35):
        other = (chosen + 1) % len(real)
        changed[chosen] = transfer(
            taken[chosen], mask[chosen], real[other], mask[other], RandomNumbers(len(chosen), generator)
        )
    for chosen in _where((family >= 0.35) & (family < 0.96)):
        changed[chosen] = retouch(taken[chosen], RandomNumbers(len(chosen), generator))
    for chosen in _where((is_lit > 0) & (family < 0.96)):
        changed[chosen] = relight(changed[chosen], RandomNumbers(len(chosen), generator))
    difference = mask * (changed - real)
    shrink = (FMSE_LIMIT / fmse(difference, mask).clamp(min=FMSE_LIMIT)).sqrt()
    return real + shrink.view(-1, 1, 1, 1) * difference


def fmse(difference: Tensor, mask: Tensor) -> Tensor:
    """Compute the foreground MSE (B,) in squared 8-bit levels, as `evaluation.metrics.fmse` does.

    Args:
        difference: (B,3,H,W), of pictures in 0..1.
        mask: (B,1,H,W).
    """
    return 255.0**2 * (mask * difference**2).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3)) + 1e-6)


def _where(condition: Tensor) -> list[Tensor]:
    """Return the pictures for which a condition (B,1,1,1) holds: one index array (n,), or none."""
    chosen = torch.nonzero(condition.flatten()).flatten()
    return [chosen] if len(chosen) else []


def _crop(
    store: PhotoStore, photo: Tensor, size: int, generator: torch.Generator, smallest: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Crop photographs and masks randomly, to `smallest` to 1 of the area, flipped half of the time."""
    device = store.images.device
    random = RandomNumbers(len(photo), generator)
    pick = (random.uniform(0, 1).flatten() * store.mask_count[photo]).long()
    masks = store.masks[store.first_mask[photo] + pick]
    stacked = torch.cat((store.images[photo], masks[:, None]), dim=1).float() / 255.0
    if store.size > size * 3 // 2 and torch.rand((), generator=generator, device=device) < 0.5:
        # otherwise they are reduced without a low-pass filter, as in published evaluations
        stacked = F.interpolate(stacked, (size * 5 // 4,) * 2, mode="bilinear", antialias=True)
    aspect = torch.exp(random.normal(0.1))
    area = random.uniform(smallest, 1.0).sqrt()
    height, width = (area * aspect).clamp(max=1.0), (area / aspect).clamp(max=1.0)
    flip = 1 - 2 * random.chance(0.5)
    line = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
    y = line.view(1, 1, size, 1) * height + random.uniform(-1, 1) * (1 - height)
    x = line.view(1, 1, 1, size) * width * flip + random.uniform(-1, 1) * (1 - width)
    grid = torch.stack(torch.broadcast_tensors(x[:, 0], y[:, 0]), dim=-1)
    cropped = F.grid_sample(stacked, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return cropped[:, :3].contiguous(), cropped[:, 3:].contiguous()
