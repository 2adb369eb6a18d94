"""PyTorch checkpoints, read without running code from them."""

import pickle
import warnings
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..errors import WeightsError, needs


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a checkpoint by their names, through the usual wrappings.

    Raises:
        WeightsError: if it is damaged, holds anything but tensors, or would run code when read.
    """
    with needs("torch", "Reading a PyTorch checkpoint"):
        import torch
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
    if not isinstance(content, dict) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise WeightsError(f"{path} holds no table of tensors (a state_dict).")
    return {
        str(name).removeprefix("module."): (v.float() if v.is_floating_point() else v).numpy()
        for name, v in content.items()
    }
