"""Networks whose weights change everything, and the plain computation with them."""

import numpy as np
import torch
from scipy import ndimage

from cdtnet.config import NEGLIGIBLE
from cdtnet.engines.confidence import DOUBT, FLOOR, SPREAD
from cdtnet.model import Analysis, CDTNet, Config
from cdtnet.model.cdtnet import GENERATED
from cdtnet.model.color_mapping import map_colors
from cdtnet.model.layers import denormalize


def network(config: Config) -> CDTNet:
    """Make an untrained network with tables and statistics far from the initial ones."""
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
    """Composites (N,H,W,3) with every kind of color, and masks (N,H,W,1): soft, white and black."""
    random = np.random.default_rng(height * width)
    images = random.random((count, height, width, 3), dtype=np.float32)
    images[:, :: max(1, height // 5)] = random.integers(0, 2, images[:, :: max(1, height // 5)].shape)
    masks = random.random((count, height, width, 1), dtype=np.float32)
    return images, (masks * 3 - 1).clip(0, 1)


def patches(height: int, width: int, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the same pictures with a different part of their masks for each."""
    images, masks = pictures(height, width, count)
    random = np.random.default_rng(count)
    for mask in masks:
        top, left = random.integers(0, height), random.integers(0, width)
        inside = np.zeros((height, width, 1), bool)
        inside[top : top + 1 + height // 5, left : left + 1 + width // 5] = True
        mask[~inside] = 0
        mask[top, left] = 0.5
    return images, masks


def nchw(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def plain(model: CDTNet, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Run the module on the analyzed part of each picture, blended by the masks, once: (N,H,W,3)."""
    look = looked_twice if model.config.second_look else looked_once
    results = images.copy()
    if model.config.close_up:
        masks = np.where(masks > NEGLIGIBLE, masks, 0)
    for result, mask in zip(results, masks, strict=True):
        seen = surroundings(mask[..., 0], model.config.base_size) if model.config.close_up else ...
        before, soft, blend = result[seen].copy(), mask[seen], mask[seen]
        if model.config.close_up:
            blend = softened(mask[..., 0])[..., None][seen]
        with torch.inference_mode():
            image, amount = look(model, nchw(before[None]), nchw(soft[None]))
        if model.config.variant != "cdtnet-sim":
            amount = amount * blend
        result[seen] = before + amount * (image[0].permute(1, 2, 0).numpy() - before)
    return results.clip(0, 1)


def softened(mask: np.ndarray) -> np.ndarray:
    """Soften the hard edges of a mask (H,W): the mean of neighboring values, where that is less."""
    around = {"size": 3, "mode": "nearest"}
    steps = ndimage.maximum_filter(mask, **around) - ndimage.minimum_filter(mask, **around)
    return np.where(steps > 0.5, np.minimum(mask, ndimage.uniform_filter(mask, **around)), mask)


def surroundings(mask: np.ndarray, base_size: int) -> tuple[slice, slice]:
    """Return the square around a foreground that is analyzed."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    side = max(int((2 * extent + max(mask.shape)) / 3), base_size)

    def along(inside: np.ndarray, length: int) -> slice:
        margin = -(-(side - np.ptp(inside) - 1) // 2)
        start, stop = int(inside[0] - margin), int(inside[-1] + 1 + margin)
        start, stop = start - max(stop - length, 0), stop - min(start, 0)
        return slice(max(start, 0), min(stop, length))

    return along(rows, mask.shape[0]), along(columns, mask.shape[1])


def looked_once(model: CDTNet, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, float]:
    return model(image, mask).image, 1.0


def looked_twice(model: CDTNet, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Return the picture by the mean of two analyses, and the confidence in its change."""
    low = model.downsample(image, mask)
    looks = model.analyze(low), model.analyze(model.downsample(image.flip(3), mask.flip(3)))
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
    apart = (weight * (painted[0] - painted[1]) ** 2).sum()
    error = FLOOR**2 + FLOOR**2 * SPREAD * low.mask.mean() + DOUBT * apart / 4
    return model.render(analysis, image, mask)[0], float(change / (change + error))
