"""Loading and saving modules."""

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
        source: The name of a shipped model ("cdtnet-256", "cdtnet-512", "cdtnet-sim", "is2am"), or the path
            of a .safetensors file of this package, of a folder that contains model.safetensors (a snapshot
            from the Hugging Face Hub), of the `checkpoint.pt` of a training run, of a file written by
            `torch.save(model.state_dict(), path)`, or of an official CDTNet or iSSAM checkpoint (.pth). No
            code in a file is run.
        base_size: Side of the analysis in pixels; by default that of the weights (256 for checkpoints).
        config: Configuration for files of this package that contain none; ignored for others.

    Returns:
        The model in eval mode, on the CPU, with gradients enabled: use it under `torch.inference_mode()`, or
        train it after `.train()`.

    Raises:
        WeightsError: The source is unknown or unreadable, contains no configuration, or its entries are not
            exactly those of the network.
    """
    return build(load_weights(source, base_size, config)).requires_grad_(True)


def save_model(
    model: CDTNet, path: str | PathLike[str], *, card: Mapping[str, Any] | None = None, half: bool = False
) -> None:
    """Write a model's weights and configuration as safetensors, for `load_model`.

    Args:
        model: The model, on any device, in any mode.
        path: The file; its name must end in .safetensors.
        card: Further information on the weights, such as training, license and scores; JSON values.
        half: Whether to store 16-bit floats, which halves the size.

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
    """Build a model in eval mode, without gradients, from weights.

    Raises:
        WeightsError: The weights do not fit the network.
    """
    with torch.device("meta"):
        model = CDTNet(weights.config)
    weights.check({key: tuple(value.shape) for key, value in model.state_dict().items()})
    state = {k: torch.from_numpy(v) for k, v in weights.entries.items() if k != CONFIG_ENTRY}
    model.load_state_dict({**state, CONFIG_ENTRY: model.get_extra_state()}, assign=True)
    return model.requires_grad_(False).eval()
