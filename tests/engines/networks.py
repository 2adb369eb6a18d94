"""Networks with weights that leave nothing as it is, and the plain computation with them."""

import numpy as np
import torch

from cdtnet.model import CDTNet, Config


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
    """The module's forward over whole pictures, blended with the masks, once: (N,H,W,3)."""
    with torch.inference_mode():
        after = model(nchw(images), nchw(masks)).image.permute(0, 2, 3, 1).numpy()
    if model.config.variant == "cdtnet-sim":
        return after.clip(0, 1)
    return (images + masks * (after - images)).clip(0, 1)
