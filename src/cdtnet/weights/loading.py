"""Loading weights by name or file, and checking that they fit a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

import numpy as np

from ..config import Config, Variant
from ..errors import WeightsError
from .official import from_official, is_official
from .storage import CONFIG_ENTRY, Card, Entries, read_weights

# Name: file in this folder, variant of the network, and base size. All are in one file: the smaller variants
# are parts of the whole network, and no part depends on the base size.
SHIPPED: Mapping[str, tuple[str, Variant, int]] = {
    "cdtnet-256": ("cdtnet.safetensors", "cdtnet", 256),
    "cdtnet-512": ("cdtnet.safetensors", "cdtnet", 512),
    "cdtnet-sim": ("cdtnet.safetensors", "cdtnet-sim", 256),
    "is2am": ("cdtnet.safetensors", "is2am", 256),
}
PARTS: Mapping[Variant, tuple[str, ...]] = {
    "cdtnet": ("generator.", "color_mapping.", "refinement."),
    "cdtnet-sim": ("generator.", "color_mapping."),
    "is2am": ("generator.",),
}
_NAMED = 20  # largest number of problems in a message


@dataclass(frozen=True)
class Weights:
    """The weights of a network, under the names of this package.

    Attributes:
        name: The name or path from which they were loaded.
        config: The configuration of the network.
        entries: A float32 array for each name.
        card: The other information in their file.
    """

    name: str
    config: Config
    entries: Entries
    card: Card = field(default_factory=dict)

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Check that the entries are exactly those of a network.

        Args:
            shapes: The shape of each entry of the network, by name.

        Raises:
            WeightsError: Entries are missing, unexpected, or of another shape or type; they are named.
        """
        shapes = {key: shape for key, shape in shapes.items() if key != CONFIG_ENTRY}
        entries = {key: value for key, value in self.entries.items() if key != CONFIG_ENTRY}
        problems = [f"missing {key}" for key in shapes if key not in entries]
        problems += [f"unexpected {key}" for key in entries if key not in shapes]
        problems += [
            f"{key} has shape {entries[key].shape} instead of {shape}"
            for key, shape in shapes.items()
            if key in entries and entries[key].shape != shape
        ]
        problems += [
            f"{key} has type {value.dtype}"
            for key, value in entries.items()
            if value.dtype != np.float32 and not key.endswith("num_batches_tracked")
        ]
        if problems:
            more = f"; and {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
            named = "; ".join(sorted(problems)[:_NAMED])
            raise WeightsError(f"{self.name} does not fit {self.config.variant}: {named}{more}.")


def load_weights(
    source: str | PathLike[str], base_size: int | None = None, config: Config | None = None
) -> Weights:
    """Read the weights of a CDTNet, CDTNet-sim or iS2AM model.

    Args:
        source: As for `cdtnet.load_model`.
        base_size: As for `cdtnet.load_model`.
        config: As for `cdtnet.load_model`.

    Raises:
        WeightsError: The source is unknown or unreadable, or does not contain the network's configuration.
    """
    name = str(source)
    if name in SHIPPED:
        file, variant, size = SHIPPED[name]
        entries, card = shipped_weights(file)
        config = replace(config_of(card, file), variant=variant, base_size=size)
        entries = {key: value for key, value in entries.items() if key.startswith(PARTS[variant])}
    else:
        if not Path(source).suffix and not Path(source).exists():
            raise WeightsError(f"There is no model {name!r}; choose {', '.join(SHIPPED)}, or give a file.")
        entries, card = read_weights(weights_file(source))
        if is_official(entries):
            entries = from_official(entries)
            card = {"config": published_config(entries), **card}
        elif "config" not in card and not any(name.startswith(PARTS["cdtnet"]) for name in entries):
            names = ", ".join([*entries][:3]) or "nothing"
            raise WeightsError(f"{source} contains weights of another kind of network ({names}, …).")
        if "config" in card or config is None:
            config = config_of(card, source)
    if base_size is not None:
        config = _checked(config, {"base_size": base_size})
    return Weights(name, config, entries, card)


def weights_file(source: str | PathLike[str]) -> Path:
    """Return the path of a model's weights, by its name or path."""
    if str(source) in SHIPPED:
        return Path(__file__).parent / SHIPPED[str(source)][0]
    path = Path(source)
    return path / "model.safetensors" if path.is_dir() else path


def shipped_weights(file: str) -> tuple[Entries, Card]:
    """Read entries and card of a file in this folder."""
    return read_weights(Path(__file__).parent / file)


def config_of(card: Card, source: str | PathLike[str]) -> Config:
    """Return the configuration on a card.

    Raises:
        WeightsError: The card has none; weights give wrong colors with another configuration.
    """
    if "config" not in card:
        raise WeightsError(
            f"{source} does not say with which configuration its weights were trained, and with another one "
            "they give wrong colors. Save the model with cdtnet.save_model, or with torch.save of its whole "
            "state_dict(); for a training run, use weights.safetensors or checkpoint.pt. If you know the "
            "configuration, name a model that has it: cdtnet convert FILE OUT.safetensors --like cdtnet-256."
        )
    return _checked(Config(), card["config"])


def published_config(entries: Entries) -> dict[str, object]:
    """Derive the configuration of a published checkpoint from its renamed entries.

    The official code treats all its checkpoints alike; only the modules and the number of tables differ.
    """
    mapping = "color_mapping.basis" in entries
    refinement = any(key.startswith("refinement.") for key in entries)
    variant: Variant = "cdtnet" if refinement else "cdtnet-sim" if mapping else "is2am"
    luts = {"luts": (*entries["color_mapping.basis"].shape, 0)[0]} if mapping else {}
    return {"variant": variant, **luts}


def _checked(config: Config, changes: Mapping[str, object]) -> Config:
    try:
        return replace(config, **changes)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise WeightsError(f"The configuration cannot be used: {error}.") from error
