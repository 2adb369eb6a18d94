"""Scores during training, on the same composites for the whole run."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..composites.synthesis import Triplet, fmse
from ..model import CDTNet

# Composites with a smaller error have no meaningful PSNR and are left out.
SMALLEST_MSE = 0.1


@dataclass(frozen=True)
class ValidationScores:
    """Means over the validation composites that need a change; values 0..255, PSNR with peak 255.

    Attributes:
        psnr: PSNR in dB.
        fmse: MSE over the foreground.
        worse: The share of pictures with a larger error than the unchanged composite.
    """

    psnr: float
    fmse: float
    worse: float


@torch.no_grad()
def validate(
    model: CDTNet, triplets: Iterable[Triplet], base_size: int | None = None
) -> dict[str, ValidationScores]:
    """Score the "image", "lut" and "base" pictures of a model in eval mode, and the "composite"."""
    errors: dict[str, list[Tensor]] = {}
    for triplet in triplets:
        for name, picture in {**paint(model, triplet, base_size), "composite": triplet.composite}.items():
            errors.setdefault(name, []).append(_errors(picture, triplet))
    joined = {name: torch.cat(rows, dim=1) for name, rows in errors.items()}
    before = joined["composite"][0]
    wrong = before > SMALLEST_MSE
    return {name: _summary(rows[:, wrong], before[wrong]) for name, rows in joined.items()}


def paint(model: CDTNet, triplet: Triplet, base_size: int | None = None) -> dict[str, Tensor]:
    """Harmonize the composite of a triplet within the mask, and return the pictures (B,3,H,W)."""
    composite, mask, _ = triplet
    output = model(composite, mask, base_size)
    base = output.base_image
    if base is not None:
        base = F.interpolate(base, composite.shape[2:], mode="bilinear")
    made = {"image": output.image, "lut": output.lut_image, "base": base}
    return {
        name: torch.lerp(composite, picture.clamp(0, 1), mask)
        for name, picture in made.items()
        if picture is not None
    }


def _errors(picture: Tensor, truth: Triplet) -> Tensor:
    """Return MSE and fMSE (2,B)."""
    difference = picture - truth.real
    mse = 255.0**2 * (difference**2).mean((1, 2, 3))
    return torch.stack((mse, fmse(difference, truth.mask)))


def _summary(rows: Tensor, before: Tensor) -> ValidationScores:
    mse, foreground = rows
    psnr = 10 * torch.log10(255.0**2 / mse.clamp(min=1e-3))
    return ValidationScores(
        psnr.mean().item(), foreground.mean().item(), (mse > before).float().mean().item()
    )
