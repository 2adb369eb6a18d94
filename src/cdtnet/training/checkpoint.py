"""Files that a run can be stopped at and taken up from."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..atomic import write_file
from ..errors import DataError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write atomically: a run killed while writing still has the checkpoint before."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_file(path, buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote, onto the CPU, without running any code from the file.

    Raises:
        DataError: if there is none, or it is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"There is no checkpoint at {path}.") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise DataError(f"The checkpoint {path} is damaged; remove it to start anew.") from error
    return state


def averaged_weights(run: Path) -> dict[str, Tensor]:
    """The averaged weights, the ones to use, of a run's checkpoint, under the model's names."""
    average = load_checkpoint(run / "checkpoint.pt")["average"]
    prefix = "module."
    return {name.removeprefix(prefix): value for name, value in average.items() if name.startswith(prefix)}
