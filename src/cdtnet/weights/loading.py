"""From a name or a file to a model that is ready to use."""

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightsError
from ..model import CDTNet, Config, Variant
from .official import from_official, is_official
from .storage import Card, read_weights

# Name: file beside this one, and the variant of the network. CDTNet's generator was trained first and then
# left as it is, so that its file holds iS2AM, too.
SHIPPED: Mapping[str, tuple[str, Variant]] = {
    "cdtnet-256": ("cdtnet-256.safetensors", "cdtnet"),
    "cdtnet-sim": ("cdtnet-sim.safetensors", "cdtnet-sim"),
    "is2am": ("cdtnet-256.safetensors", "is2am"),
}


def load_model(source: str | PathLike[str], base_size: int | None = None) -> CDTNet:
    """Load a CDTNet, CDTNet-sim or iS2AM model.

    Args:
        source: a shipped name ("cdtnet-256", "cdtnet-sim", "is2am"), or a path to our safetensors or to an
            official CDTNet or iSSAM checkpoint (.pth), which is read without running any code in it.
        base_size: side of the square to analyse, if not what the weights say (256 for checkpoints, which
            don't).

    Returns:
        The model in eval mode, on the CPU.

    Raises:
        WeightsError: if the source is unknown, unreadable, or its entries are not exactly the network's.
    """
    name = str(source)
    if name in SHIPPED:
        file, variant = SHIPPED[name]
        entries, card = shipped_weights(file)
        config = replace(config_of(card, entries), variant=variant)
        if variant == "is2am":
            entries = {key: value for key, value in entries.items() if key.startswith("generator.")}
    else:
        if not Path(source).suffix and not Path(source).exists():
            raise WeightsError(f"There is no model {name!r}; there are {', '.join(SHIPPED)}, or give a file.")
        entries, card = read_weights(Path(source))
        if is_official(entries):
            entries = from_official(entries)
        config = config_of(card, entries)
    if base_size is not None:
        config = _checked(config, base_size=base_size)
    return build(config, entries, name)


def shipped_weights(file: str) -> tuple[dict[str, Tensor], Card]:
    """Entries and card of a file in this folder."""
    return read_weights(Path(__file__).parent / file)


def config_of(card: Card, entries: Mapping[str, Tensor]) -> Config:
    """The configuration on the card; without one, what the entries tell, as the official code has it."""
    if "config" in card:
        return _checked(Config(), **card["config"])
    mapping = "color_mapping.basis" in entries
    refinement = any(key.startswith("refinement.") for key in entries)
    variant: Variant = "cdtnet" if refinement else "cdtnet-sim" if mapping else "is2am"
    return Config(variant, luts=len(entries["color_mapping.basis"]) if mapping else 4)


def build(config: Config, entries: Mapping[str, Tensor], name: str) -> CDTNet:
    """A model in eval mode with exactly these entries.

    Raises:
        WeightsError: naming every entry that is missing, unexpected or of another shape.
    """
    with torch.device("meta"):
        model = CDTNet(config)
    wanted = {key: value.shape for key, value in model.state_dict().items()}
    problems = [f"missing {key}" for key in wanted if key not in entries]
    problems += [f"unexpected {key}" for key in entries if key not in wanted]
    problems += [
        f"{key} has shape {tuple(entries[key].shape)} instead of {tuple(shape)}"
        for key, shape in wanted.items()
        if key in entries and entries[key].shape != shape
    ]
    if problems:
        raise WeightsError(f"{name} does not fit {config.variant}: {'; '.join(problems)}.")
    model.load_state_dict(dict(entries), assign=True)
    return model.requires_grad_(False).eval()


def _checked(config: Config, **changes: object) -> Config:
    try:
        return replace(config, **changes)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise WeightsError(f"The configuration cannot be used: {error}.") from error
