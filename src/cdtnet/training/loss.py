"""The losses of CDTNet (paper section 3.5): squared errors of the pictures that the network makes."""

import torch
from torch import Tensor, nn

from ..composites.synthesis import Triplet
from ..imaging.geometry import Window
from ..model import CDTNet
from ..model.cdtnet import Analysis
from ..model.color_mapping import map_colors
from ..model.layers import denormalize
from ..model.sampling import downsample
from .recipe import Stage

OUTSIDE = 0.1  # weight of the picture where the mask is black
NEGLIGIBLE = (1 / 255) ** 2  # an invisible squared error, which keeps the gradient of the root finite


class Objective(nn.Module):
    """The loss of a stage, as a module, so that its forward pass can be distributed."""

    def __init__(self, model: CDTNet, stage: Stage):
        super().__init__()
        self.model = model
        self.stage = stage

    def forward(self, triplet: Triplet, window: Window) -> dict[str, Tensor]:
        """Return the weighted losses of the stage's pictures, and of the tables.

        Args:
            triplet: A batch of pictures of the stage's size.
            window: The part of them that is rendered and scored at full resolution.
        """
        stage, losses = self.stage, self.stage.losses
        composite, mask, real = triplet
        crop = (..., *window.slices)
        share = mask.mean((1, 2, 3))
        smallest = stage.smallest_foreground / stage.size**2  # as a share of the picture
        with torch.autocast(composite.device.type, torch.bfloat16, enabled=stage.precision == "bfloat16"):
            analysis = self.model.analyze(self.model.downsample(composite, mask, stage.base_size))
            size = (composite.shape[2], composite.shape[3])
            image, mapped = self._paint(analysis, composite[crop], mask[crop], size, window)
        terms = {}
        if image is not None:
            if losses.composited:
                image = _blend(composite[crop], image, mask[crop])
            terms["image"] = losses.image * foreground_mse(
                image, real[crop], share, smallest, root=losses.root
            )
        if mapped is not None and losses.lut:
            terms["lut"] = losses.lut * foreground_mse(mapped, real[crop], share, smallest, root=losses.root)
        if analysis.image_low is not None and losses.base:
            base = denormalize(analysis.image_low.to(real.dtype))
            antialias = self.model.config.antialias
            real_low = downsample(real, base.shape[-1], antialias=antialias)
            if losses.composited:
                low = (
                    downsample(picture, base.shape[-1], antialias=antialias) for picture in (composite, mask)
                )
                composite_low, mask_low = low
                base = _blend(composite_low, base, mask_low)
            smallest = stage.smallest_foreground / base.shape[-1] ** 2
            terms["base"] = losses.base * foreground_mse(base, real_low, share, smallest, root=losses.root)
        if self.model.color_mapping is not None and losses.roughness:
            terms["roughness"] = losses.roughness * roughness(self.model.color_mapping.basis)
        return terms

    def _paint(
        self, analysis: Analysis, composite: Tensor, mask: Tensor, size: tuple[int, int], window: Window
    ) -> tuple[Tensor | None, Tensor | None]:
        """Render the final and the mapped picture in a window, if the stage has losses on them."""
        if self.stage.losses.image and self.model.refinement is not None:
            return self.model.render(analysis, composite, mask, size, window)
        if self.stage.losses.lut and analysis.table is not None:
            return None, map_colors(analysis.table, composite, mask)
        return None, None


def _blend(composite: Tensor, picture: Tensor, mask: Tensor) -> Tensor:
    """Blend by the mask, with a weight of a tenth outside, so that colors near edges stay valid."""
    return torch.lerp(composite, picture.to(composite.dtype), mask.clamp(min=OUTSIDE))


def foreground_mse(
    prediction: Tensor, target: Tensor, share: Tensor, smallest: float = 0.0, *, root: bool = False
) -> Tensor:
    """Return Σ squared error / (3·foreground pixels), averaged, so that all foregrounds have the same weight.

    Args:
        prediction: (B,3,H,W).
        target: (B,3,H,W).
        share: (B,), the foreground's share of the picture, 0..1.
        smallest: The least share, to which smaller ones are raised.
        root: Whether to take each picture's square root, which gives small errors more weight.
    """
    pixels = share.clamp(min=smallest) * (target.shape[2] * target.shape[3])
    errors = ((prediction.to(target.dtype) - target) ** 2).sum((1, 2, 3)) / (3 * pixels)
    return ((errors + NEGLIGIBLE).sqrt() if root else errors).mean()


def roughness(basis: Tensor) -> Tensor:
    """Return the mean squared second difference of basis LUTs (N,3,S,S,S) along their color axes.

    A penalty on it keeps entries that occur in no photograph consistent with their neighbors, which prevents
    banding of rare colors. (Zeng et al., 2020, penalize first differences; second ones allow linear changes.)
    """
    return torch.stack([basis.diff(n=2, dim=axis).square().mean() for axis in (2, 3, 4)]).sum()
