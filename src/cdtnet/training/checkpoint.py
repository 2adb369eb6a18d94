"""Files that a run can be stopped at and taken up from."""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..atomic import write_file


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write atomically: a run killed while writing still has the checkpoint before."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_file(path, buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, onto the CPU, without running any code from the file."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def averaged_weights(run: Path) -> dict[str, Tensor]:
    """The averaged weights, the ones to use, of a run's checkpoint, under the model's names."""
    average = load_checkpoint(run / "checkpoint.pt")["average"]
    prefix = "module."
    return {name.removeprefix(prefix): value for name, value in average.items() if name.startswith(prefix)}
