"""Networks with weights that leave nothing as it is, and the plain computation with them."""

import numpy as np
import torch

from cdtnet.model import Analysis, CDTNet, Config
from cdtnet.model.cdtnet import GENERATED
from cdtnet.model.color_mapping import map_colors
from cdtnet.model.layers import denormalize
from cdtnet.second_look import DOUBT, FLOOR


def network(config: Config) -> CDTNet:
    """Untrained, its tables and statistics far from those that a network begins with."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CDTNet(config)
        for part in model.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                torch.nn.init.normal_(part.running_mean, std=0.2)
                torch.nn.init.uniform_(part.running_var, 0.5, 1.5)
        if model.refinement is not None and config.residual:
            for layer in (model.refinement.blend.gate, model.refinement.blend.rgb):
                layer.reset_parameters()
        if model.color_mapping is not None:
            torch.nn.init.normal_(model.color_mapping.basis, mean=0.3, std=0.1)
    return model.requires_grad_(False).eval()


def pictures(height: int, width: int, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Composites (N,H,W,3) with every kind of colour, and masks (N,H,W,1): soft, white and black."""
    random = np.random.default_rng(height * width)
    images = random.random((count, height, width, 3), dtype=np.float32)
    images[:, :: max(1, height // 5)] = random.integers(0, 2, images[:, :: max(1, height // 5)].shape)
    masks = random.random((count, height, width, 1), dtype=np.float32)
    return images, (masks * 3 - 1).clip(0, 1)


def nchw(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def plain(model: CDTNet, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The module over whole pictures, blended with the masks, once: (N,H,W,3)."""
    with torch.inference_mode():
        look = looked_twice if model.config.second_look else looked_once
        found = [look(model, nchw(i[None]), nchw(m[None])) for i, m in zip(images, masks, strict=True)]
    after = np.stack([image[0].permute(1, 2, 0).numpy() for image, _ in found])
    amount = np.stack([np.float32(trust) for _, trust in found])[:, None, None, None]
    if model.config.variant != "cdtnet-sim":
        amount = amount * masks
    return (images + amount * (after - images)).clip(0, 1)


def looked_once(model: CDTNet, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, float]:
    return model(image, mask).image, 1.0


def looked_twice(model: CDTNet, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The picture by the mean of two analyses, and the share of the change that is worth making."""
    low = model.downsample(image, mask)
    looks = model.analyse(low), model.analyse(model.downsample(image.flip(3), mask.flip(3)))
    means, painted, mapped = {}, [], []
    for name in Analysis._fields:
        parts = [getattr(look, name) for look in looks]
        if parts[0] is not None:
            other = parts[1] if name == "table" else parts[1].flip(3)
            means[name] = (parts[0] + other) / 2
            if name == "image_low":
                painted = [denormalize(parts[0]), denormalize(other)]
            if name == "table":
                mapped = [map_colors(table, low.image, low.mask) for table in parts]
    if not painted:
        painted = mapped
    elif mapped and model.config.residual:
        painted = [m + GENERATED * (p - m) for p, m in zip(painted, mapped, strict=True)]
    analysis = Analysis(**{**dict.fromkeys(Analysis._fields), **means})
    weight = low.mask**2 / (low.mask**2).sum().clamp(min=1e-12) / 3
    change = (weight * (sum(painted) / 2 - low.image) ** 2).sum()
    error = FLOOR**2 + DOUBT * (weight * (painted[0] - painted[1]) ** 2).sum() / 4
    trust = 1 - error / change if change > error else 0
    return model.render(analysis, image, mask)[0], float(trust)
