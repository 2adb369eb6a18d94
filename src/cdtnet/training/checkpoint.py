"""Checkpoints, from which a run resumes."""

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from ..errors import CdtnetError, DataError
from ..model import CDTNet
from ..system.atomic import write_file
from ..weights import CONFIG_ENTRY
from .recipe import Recipe

# Keys that may differ when a run resumes, because they do not affect the result.
FREE = {
    *("about", "data.workers", "data.damaged", "data.root", "data.photos", "data.masks"),
    *("watch.log_every", "watch.keep"),
}


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically, so that a kill while writing keeps the previous one."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_file(path, buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of `save_checkpoint` onto the CPU, without running code from the file.

    Raises:
        DataError: There is no checkpoint, or it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # PyTorch does not verify checksums
            if archive.testzip():
                raise zipfile.BadZipFile
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"There is no checkpoint at {path}.") from error
    except OSError as error:
        raise DataError(f"The checkpoint {path} cannot be read ({error.strerror}).") from error
    except Exception as error:  # the unpickler fails in many ways on invalid files
        raise DataError(f"The checkpoint {path} is damaged; remove it to start again.") from error
    if not isinstance(state, dict):
        raise DataError(f"{path} is not the checkpoint of a run; remove it to start again.")
    return state


def check_same_recipe(before: str, recipe: Recipe, folder: Path) -> None:
    """Refuse to resume a run with another recipe.

    Raises:
        DataError: The recipes differ; the message names the difference.
    """
    content = json.loads(before)
    with suppress(ValidationError):  # keys that older recipes lack have their defaults
        content = Recipe.model_validate(content).model_dump(mode="json")
    old, new = _flat(content), _flat(recipe.model_dump(mode="json"))
    differ = sorted(key for key in {*old, *new} - FREE if old.get(key) != new.get(key))
    if differ:
        raise DataError(
            f"{folder} holds a run whose recipe differs in {', '.join(differ)}; choose another folder."
        )


def restore(model: nn.Module, state: dict[str, Any], network: CDTNet) -> None:
    """Load a checkpoint's state into its objects.

    Checkpoints of older runs, whose states have no configuration, are completed with that of the recipe,
    which is the same.

    Args:
        model: The network, or an average of it.
        state: Its state.
        network: The network with the configuration.
    """
    prefix = "" if model is network else "module."
    model.load_state_dict({prefix + CONFIG_ENTRY: network.get_extra_state(), **state})


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    items = (
        enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else None
    )
    if items is None:
        return {prefix.removesuffix("."): value}
    return {key: v for name, part in items for key, v in _flat(part, f"{prefix}{name}.").items()}


def check_numbers(model: nn.Module, samples: int) -> None:
    """Refuse to write weights of a run that has diverged.

    Args:
        model: The trained network.
        samples: The number of samples so far.

    Raises:
        CdtnetError: Weights are NaN or infinite.
    """
    for name, value in model.state_dict().items():
        if not value.isfinite().all():
            raise CdtnetError(
                f"Training has diverged: after {samples:,} samples, {name} holds NaN or infinite numbers; "
                "lower the stage's rate or set its clip, and start in another folder."
            )
