"""The methods that can be compared, by name: ours, and what is usually put beside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ..config import STRIDE
from ..engines.pytorch import TorchEngine
from ..inference.harmonizer import Harmonizer
from ..model import CDTNet, load_model
from ..model.layers import denormalize, normalize
from .baselines import histogram_matching, mkl, reinhard
from .names import BASELINES
from .poisson import poisson_blending

Array = NDArray[np.floating[Any]]
Harmonize = Callable[[Array, Array], Array]

CLASSICAL: dict[str, Harmonize] = {
    "composite": lambda composite, _: composite,
    "reinhard": reinhard,
    "histogram": histogram_matching,
    "mkl": mkl,
    "poisson": poisson_blending,
}


@dataclass(frozen=True)
class Method:
    """A way to harmonize, ready to use.

    Attributes:
        harmonize: from a composite (H,W,3), sRGB floats 0..1, and a mask (H,W), 0..1, to a picture (H,W,3),
            0..1, not rounded.
        network: what it computes with; None where it is classical.
    """

    harmonize: Harmonize
    network: CDTNet | None = None


def load_method(name: str, device: str = "auto", *, whole_frame: bool = False) -> Method:
    """Get a method ready.

    Args:
        name: one of `names.BASELINES`, a shipped model's name, or a file of weights.
        device: "auto", "cpu", "cuda" or another; for networks.
        whole_frame: return a network's whole frame as published, not composited with the mask.

    Raises:
        WeightsError: There are no such weights, or they do not fit.
    """
    if name in CLASSICAL:
        return Method(CLASSICAL[name])
    network = load_model("is2am" if name in BASELINES else name)
    harmonizer = Harmonizer(network, device)
    assert isinstance(harmonizer.engine, TorchEngine)
    network = harmonizer.engine.model  # which is on the device
    if name == "is2am-full":
        return Method(_at_full_size(network, whole_frame), network)

    def harmonize(composite: Array, mask: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of masks without foreground or background
            image: Array = harmonizer(composite, mask, whole_frame=whole_frame).image
        return image

    return Method(harmonize, network)


def _at_full_size(network: CDTNet, whole_frame: bool) -> Harmonize:
    """The generator alone on the picture as it is.

    Nothing is resized, so nothing is distorted: up to 7 rows and columns are repeated at the bottom and to
    the right, until the sides are multiples of 8, and cut off again. Memory grows with the picture.
    """

    @torch.inference_mode()
    def harmonize(composite: Array, mask: Array) -> Array:
        height, width = mask.shape
        stacked = np.concatenate((composite, mask[..., None]), axis=2, dtype=np.float32)
        both = torch.from_numpy(stacked).permute(2, 0, 1)[None].to(next(network.parameters()).device)
        both = F.pad(both, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        image, soft = normalize(both[:, :3]), both[:, 3:]
        levels = network.generator.encoder(torch.cat((image, soft), dim=1))
        painted = denormalize(network.generator.decode(image, soft, levels)[0])[0, :, :height, :width]
        result = painted.permute(1, 2, 0).cpu().numpy().clip(0, 1)
        return result if whole_frame else composite + mask[..., None] * (result - composite)

    return harmonize
