"""Scores during training, on composites of held-out sources that stay the same for the whole run."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.photos import PhotoStore
from ..data.synthesis import Triplet, draw
from ..model import CDTNet

# Composites closer to the real photo than this have no PSNR to speak of; they are left out.
SMALLEST_MSE = 0.1


@dataclass(frozen=True)
class Scores:
    """Means over the validation composites that needed a change; values 0..255, PSNR with peak 255.

    Attributes:
        psnr: in dB.
        fmse: over the foreground.
        worse: share of pictures further from the real photo than the untouched composite.
    """

    psnr: float
    fmse: float
    worse: float


def make_validation(store: PhotoStore, size: int) -> list[Triplet]:
    """Composites (seed 0) in batches of 16: 256 of them up to 64×64 pixels, fewer of larger ones."""
    generator = torch.Generator(store.images.device).manual_seed(0)
    return [draw(store, 16, size, generator) for _ in range(max(1024 // max(size, 64), 1))]


@torch.no_grad()
def validate(model: CDTNet | None, triplets: list[Triplet], base_size: int | None = None) -> Scores:
    """Score a model in eval mode, or the untouched composites if there is none."""
    rows = [_score(t if model is None else predict(model, t, base_size), t) for t in triplets]
    before = torch.cat([_score(t, t) for t in triplets], dim=1)[2]
    wrong = before > SMALLEST_MSE
    psnr, fmse, mse = torch.cat(rows, dim=1)[:, wrong]
    return Scores(psnr.mean().item(), fmse.mean().item(), (mse > before[wrong]).float().mean().item())


def predict(model: CDTNet, triplet: Triplet, base_size: int | None = None) -> Triplet:
    """The triplet with its composite harmonized, within the mask."""
    image = model(triplet.composite, triplet.mask, base_size).image.clamp(0, 1)
    return triplet._replace(composite=torch.lerp(triplet.composite, image, triplet.mask))


def _score(prediction: Triplet, truth: Triplet) -> Tensor:
    """PSNR, fMSE and MSE (3,B)."""
    error = (255.0 * (prediction.composite - truth.real)) ** 2
    mse = error.mean((1, 2, 3)).clamp(min=1e-3)
    fmse = (truth.mask * error).sum((1, 2, 3)) / (3 * truth.mask.sum((1, 2, 3)) + 1e-6)
    return torch.stack((10 * torch.log10(255.0**2 / mse), fmse, mse))
