"""Building a module from weights."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from ..config import Config
from ..errors import WeightsError
from ..weights import CONFIG_ENTRY, Weights, load_weights, write_weights
from .cdtnet import CDTNet


def load_model(
    source: str | PathLike[str], base_size: int | None = None, *, config: Config | None = None
) -> CDTNet:
    """Load a CDTNet, CDTNet-sim or iS2AM model.

    Args:
        source: a shipped name ("cdtnet-256", "cdtnet-512", "cdtnet-sim", "is2am"), or a path to our
            safetensors, to a folder with them as model.safetensors (a snapshot from the Hugging Face Hub), to
            the `checkpoint.pt` of a training run, to what `torch.save(model.state_dict(), path)` wrote, or
            to an official CDTNet or iSSAM checkpoint (.pth). No code in a file is run.
        base_size: side of the analysis in pixels; by default that of the weights (256 for checkpoints).
        config: of the network, for our files without a configuration; ignored for others.

    Returns:
        The model in eval mode, on the CPU, with gradients enabled: use it under `torch.inference_mode()`, or
        train it after `.train()`.

    Raises:
        WeightsError: The source is unknown, unreadable, does not say what configuration it is for, or its
            entries are not exactly the network's.
    """
    return build(load_weights(source, base_size, config)).requires_grad_(True)


def save_model(
    model: CDTNet, path: str | PathLike[str], *, card: Mapping[str, Any] | None = None, half: bool = False
) -> None:
    """Write a model's weights and configuration as safetensors, for `load_model`.

    Args:
        model: on any device, in any mode.
        path: ends in .safetensors.
        card: further information on the weights: training, licence, scores, …; JSON values.
        half: store 16-bit floats, which halves the size.

    Raises:
        WeightsError: The path has another ending, or weights are NaN or infinite.
        WriteError: The file cannot be written.
    """
    target = Path(path)
    if target.suffix != ".safetensors":
        raise WeightsError(f"{path} must end in .safetensors.")
    for name, value in model.state_dict().items():
        if not value.isfinite().all():
            raise WeightsError(f"{name} holds NaN or infinite numbers; such a model is not saved.")
    write_weights(target, model, card or {}, half=half)


def build(weights: Weights) -> CDTNet:
    """Build a model in eval mode, without gradients, with exactly these weights.

    Raises:
        WeightsError: They do not fit.
    """
    with torch.device("meta"):
        model = CDTNet(weights.config)
    weights.check({key: tuple(value.shape) for key, value in model.state_dict().items()})
    state = {k: torch.from_numpy(v) for k, v in weights.entries.items() if k != CONFIG_ENTRY}
    model.load_state_dict({**state, CONFIG_ENTRY: model.get_extra_state()}, assign=True)
    return model.requires_grad_(False).eval()
