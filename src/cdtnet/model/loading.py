"""From weights to a module that is ready to use."""

from os import PathLike

import torch

from ..weights import Weights, load_weights
from .cdtnet import CDTNet


def load_model(source: str | PathLike[str], base_size: int | None = None) -> CDTNet:
    """Load a CDTNet, CDTNet-sim or iS2AM model.

    Args:
        source: a shipped name ("cdtnet-256", "cdtnet-512", "cdtnet-sim", "is2am"), or a path to our
            safetensors, to a folder with them as model.safetensors (a snapshot from the Hugging Face Hub), or
            to an official CDTNet or iSSAM checkpoint (.pth), which is read without running any code in it.
        base_size: side of the square to analyse, if not what the weights say (256 for checkpoints, which
            don't).

    Returns:
        The model in eval mode, on the CPU.

    Raises:
        WeightsError: if the source is unknown, unreadable, or its entries are not exactly the network's.
    """
    return build(load_weights(source, base_size))


def build(weights: Weights) -> CDTNet:
    """A model in eval mode with exactly these weights.

    Raises:
        WeightsError: if they do not fit.
    """
    with torch.device("meta"):
        model = CDTNet(weights.config)
    weights.check({key: tuple(value.shape) for key, value in model.state_dict().items()})
    model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.entries.items()}, assign=True)
    return model.requires_grad_(False).eval()
