"""Reading and writing weights files: safetensors with a card, and PyTorch checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypedDict

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import save

from ..config import Config
from ..errors import WeightsError
from ..system.atomic import write_file

# The metadata of a weights file besides the network's configuration: training, license, scores, …
Card = dict[str, Any]
Entries = dict[str, NDArray[Any]]

CONFIG_ENTRY = "_extra_state"
"""The entry of a module's state that holds its configuration; PyTorch's name for it."""


class Ranges(TypedDict):
    """The ranges of activations in a network, by which 8-bit integers are scaled.

    Attributes:
        inputs: (39,), the largest magnitude of each input channel of the refinement's first convolution.
        hidden: The largest input of its second convolution.
    """

    inputs: list[float]
    hidden: float


class Model(Protocol):
    """A network whose weights can be written: a `CDTNet`."""

    config: Config

    def ranges(self) -> Ranges | None:
        """Return the ranges of its activations; None if it has no refinement."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return the tensors by their names."""


def read_weights(path: Path) -> tuple[Entries, Card]:
    """Read the entries of a file as float32, by their names, and its card (empty if there is none).

    The card of a PyTorch checkpoint has the configuration in the module's state, or in the recipe of the
    training run that wrote it.

    Raises:
        WeightsError: The file is missing, damaged, of an unknown kind, would run code when read, or contains
            NaN or infinities.
    """
    if not path.is_file():
        raise WeightsError(f"There are no weights at {path}.")
    try:
        path.open("rb").close()  # safetensors reports unreadable files as missing
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    if path.suffix == ".safetensors":
        entries, card = _read_safetensors(path)
    elif path.suffix in {".pth", ".pt", ".ckpt", ".bin"}:
        from .checkpoint import read_checkpoint

        entries, card = read_checkpoint(path)
    else:
        raise WeightsError(
            f"{path} is neither a safetensors file nor a PyTorch checkpoint (.pth, .pt, .ckpt, .bin)."
        )
    carried = entries.pop(CONFIG_ENTRY, None)
    if carried is not None and "config" not in card:
        card = {**card, "config": decode_config(carried, path)}
    entries = {n: v.astype(np.float32) if v.dtype.kind == "f" else v for n, v in entries.items()}
    for name, value in entries.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise WeightsError(f"{path} holds NaN or infinite numbers in {name}; get the file again.")
    return entries, card


def write_weights(
    path: Path, model: Model, card: Mapping[str, Any], *, half: bool = False, ranges: bool = True
) -> None:
    """Write a model's weights as safetensors, atomically, with its configuration and a card.

    Args:
        path: The file.
        model: The network.
        card: The metadata of the weights.
        half: Whether to store 16-bit floats.
        ranges: Whether to measure the ranges for 8-bit integers, which takes seconds. Without them, the
            network runs in floating point only.
    """
    state = {name: value for name, value in model.state_dict().items() if name != CONFIG_ENTRY}
    entries = {name: np.asarray(value.detach().cpu(), order="C") for name, value in state.items()}
    if half:
        entries = {n: v.astype(np.float16) if v.dtype.kind == "f" else v for n, v in entries.items()}
    about = {**card, "config": asdict(model.config)}
    if ranges:
        about["ranges"] = model.ranges()
    metadata = {"cdtnet": json.dumps(about, ensure_ascii=False)}
    write_file(path, save(entries, metadata))


def encode_config(config: Config) -> NDArray[np.uint8]:
    """Encode a configuration as (N,) bytes of JSON, to be stored among the tensors of a state."""
    return np.frombuffer(json.dumps(asdict(config)).encode(), np.uint8).copy()


def decode_config(entry: NDArray[Any], where: object) -> dict[str, Any]:
    """Return the fields of a configuration that `encode_config` encoded.

    Args:
        entry: (N,) bytes of JSON, of any numeric type.
        where: The file or module, for error messages.

    Raises:
        WeightsError: The entry is not a configuration.
    """
    try:
        fields = json.loads(entry.astype(np.uint8).tobytes().decode())
    except (ValueError, TypeError, RecursionError) as error:
        raise WeightsError(f"The configuration in {where} cannot be read; save the model again.") from error
    if not isinstance(fields, dict):
        raise WeightsError(f"The configuration in {where} is not a JSON object; save the model again.")
    return fields


def _read_safetensors(path: Path) -> tuple[Entries, Card]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            card = json.loads((file.metadata() or {}).get("cdtnet", "{}"))
            entries = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 – not a mapping
    except (safetensors.SafetensorError, ValueError, TypeError, RecursionError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file, or is damaged: {error}.") from error
    if not isinstance(card, dict):
        raise WeightsError(f"{path} contains a card that is not a JSON object.")
    return entries, card
