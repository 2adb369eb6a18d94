"""Weight files: safetensors with a card, and PyTorch checkpoints, read without running code from them."""

import json
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor

from ..atomic import write_file
from ..errors import WeightsError
from ..model import CDTNet

# What a weight file says of itself besides the network's configuration: training, licence, scores, …
Card = dict[str, Any]


def read_weights(path: Path) -> tuple[dict[str, Tensor], Card]:
    """The entries of a file, under the names they have there, as float32, and its card (empty if none).

    Raises:
        WeightsError: if the file is missing, damaged, of an unknown kind, or would run code when read.
    """
    if not path.is_file():
        raise WeightsError(f"There are no weights at {path}.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix in {".pth", ".pt", ".ckpt", ".bin"}:
        return _read_checkpoint(path), {}
    raise WeightsError(f"{path} is neither .safetensors nor a PyTorch checkpoint (.pth, .pt, .ckpt, .bin).")


def write_weights(path: Path, model: CDTNet, card: Mapping[str, Any], *, half: bool = False) -> None:
    """Write a model's weights as safetensors, atomically, with its configuration and a card."""
    entries = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    if half:
        entries = {name: v.half() if v.is_floating_point() else v for name, v in entries.items()}
    metadata = {"cdtnet": json.dumps({**card, "config": asdict(model.config)}, ensure_ascii=False)}
    write_file(path, save(entries, metadata))


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Card]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {}).get("cdtnet", "{}"))
            entries = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 – not a mapping
    except (safetensors.SafetensorError, ValueError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file, or is damaged: {error}.") from error
    if not isinstance(card, dict):
        raise WeightsError(f"{path} carries a card that is not a JSON object.")
    return _as_float32(entries), card


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:
        if file.read(1) not in (b"P", b"\x80"):  # of a zip archive, or a pickle
            raise WeightsError(f"{path} is not a PyTorch checkpoint, or is damaged.")
    try:
        with warnings.catch_warnings():  # of pickle protocols; what matters ends in an error
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors, and reading it could run code; save its state_dict alone."
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise WeightsError(f"{path} is not a PyTorch checkpoint, or is damaged.") from error
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise WeightsError(f"{path} holds no table of tensors (a state_dict).")
    return _as_float32({str(name).removeprefix("module."): value for name, value in content.items()})


def _as_float32(entries: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: v.float() if v.is_floating_point() else v for name, v in entries.items()}
