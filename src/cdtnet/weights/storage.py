"""Weight files: safetensors with a card, and PyTorch checkpoints, read without running code from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import save

from ..config import Config
from ..errors import WeightsError
from ..system.atomic import write_file

# What a weight file says of itself besides the network's configuration: training, licence, scores, …
Card = dict[str, Any]
Entries = dict[str, NDArray[Any]]


class Model(Protocol):
    """A network whose weights can be written: a `CDTNet`."""

    config: Config

    def state_dict(self) -> Mapping[str, Any]:
        """Its tensors by their names."""


def read_weights(path: Path) -> tuple[Entries, Card]:
    """The entries of a file, under the names they have there, as float32, and its card (empty if none).

    Raises:
        WeightsError: if the file is missing, damaged, of an unknown kind, would run code when read, or holds
            what is no number.
    """
    if not path.is_file():
        raise WeightsError(f"There are no weights at {path}.")
    try:
        path.open("rb").close()  # of what may not be read, safetensors says that it is not there
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    if path.suffix == ".safetensors":
        entries, card = _read_safetensors(path)
    elif path.suffix in {".pth", ".pt", ".ckpt", ".bin"}:
        from .checkpoint import read_checkpoint

        entries, card = read_checkpoint(path), {}
    else:
        raise WeightsError(
            f"{path} is neither .safetensors nor a PyTorch checkpoint (.pth, .pt, .ckpt, .bin)."
        )
    entries = {n: v.astype(np.float32) if v.dtype.kind == "f" else v for n, v in entries.items()}
    for name, value in entries.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise WeightsError(f"{path} holds NaN or infinite numbers in {name}; get it anew.")
    return entries, card


def write_weights(path: Path, model: Model, card: Mapping[str, Any], *, half: bool = False) -> None:
    """Write a model's weights as safetensors, atomically, with its configuration and a card."""
    entries = {n: np.asarray(v.detach().cpu(), order="C") for n, v in model.state_dict().items()}
    if half:
        entries = {n: v.astype(np.float16) if v.dtype.kind == "f" else v for n, v in entries.items()}
    metadata = {"cdtnet": json.dumps({**card, "config": asdict(model.config)}, ensure_ascii=False)}
    write_file(path, save(entries, metadata))


def _read_safetensors(path: Path) -> tuple[Entries, Card]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            card = json.loads((file.metadata() or {}).get("cdtnet", "{}"))
            entries = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 – not a mapping
    except (safetensors.SafetensorError, ValueError, TypeError, RecursionError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file, or is damaged: {error}.") from error
    if not isinstance(card, dict):
        raise WeightsError(f"{path} carries a card that is not a JSON object.")
    return entries, card
