"""Reading PyTorch checkpoints without running code from them."""

import json
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..errors import WeightsError, needs

# Largest ratio of tensor bytes to file bytes: more than one if tensors share storage.
_SHARED = 4


def read_checkpoint(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read the tensors of a checkpoint by name, also from the usual wrapping dictionaries, and its metadata.

    From the `checkpoint.pt` of a training run, it reads the weights that the run would write (the averaged
    ones if the stage averages), and the configuration in the run's recipe.

    Raises:
        WeightsError: The file is damaged, contains anything but tensors, or would run code when read.
    """
    with needs("torch", "Reading a PyTorch checkpoint"):
        import torch
    with path.open("rb") as file:
        if file.read(1) not in (b"P", b"\x80"):  # of a zip archive, or a pickle
            raise WeightsError(f"{path} is not a PyTorch checkpoint, or is damaged.")
    size = path.stat().st_size
    if _unpacked(path) > _SHARED * size:
        raise WeightsError(f"{path} is compressed, unlike PyTorch's checkpoints; save it again with PyTorch.")
    try:
        with warnings.catch_warnings():  # of pickle protocols; real problems raise an error
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} contains more than tensors, and reading it could run code; save its state_dict alone."
        ) from error
    except Exception as error:  # the unpickler fails in many ways on invalid files
        raise WeightsError(f"{path} is not a PyTorch checkpoint, or is damaged.") from error
    card = {}
    if _is_of_run(content):
        card = _card_of_run(content, path)
        averaged = content.get("averaged")
        content = content["model"] if averaged is None else averaged
        if isinstance(content, dict):
            content.pop("n_averaged", None)
    else:
        for key in ("state_dict", "model", "model_state_dict"):
            if isinstance(content, dict) and isinstance(content.get(key), dict):
                content = content[key]
    if not isinstance(content, dict) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise WeightsError(f"{path} contains no dictionary of tensors (a state_dict).")
    if sum(v.numel() * v.element_size() for v in content.values()) > _SHARED * size:
        raise WeightsError(f"{path} declares tensors that are far larger than the file; get the file again.")
    try:
        entries = {
            str(name).removeprefix("module."): (v.float() if v.is_floating_point() else v).detach().numpy()
            for name, v in content.items()
        }
    except (RuntimeError, TypeError) as error:
        raise WeightsError(
            f"{path} contains tensors that are sparse, quantized or of another special kind; save dense ones."
        ) from error
    return entries, card


def _is_of_run(content: Any) -> bool:
    """Check for the `checkpoint.pt` of a training run."""
    return isinstance(content, dict) and {"recipe", "model", "samples", "optimizer"} <= content.keys()


def _card_of_run(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Make the card of the weights of a run from its recipe.

    Raises:
        WeightsError: The recipe cannot be read.
    """
    try:
        recipe = json.loads(content["recipe"])
        config = dict(recipe["model"])
        training = f"{recipe['about']} {content['samples']:,} samples, unfinished."
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WeightsError(
            f"{path} is a training run's checkpoint, but its recipe cannot be read."
        ) from error
    return {"training": training, "config": config}


def _unpacked(path: Path) -> int:
    """Return the unpacked size of a zip archive in bytes; 0 for other or badly damaged files."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except Exception:  # as above
        return 0
