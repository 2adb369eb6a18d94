"""The weights and outputs of the published implementation for the parity case; weights follow a formula.

The numbers in `official_96x64.npz` come from bcmi/CDTNet-High-Resolution-Image-Harmonization, commit 43a662b,
run on a CPU with these weights, a 96×64 composite and base size 64; `keys.txt` lists the entries of its
checkpoints. Arrays are (1,C,H,W); `images` is the whole frame, not composited with the mask.
"""

from __future__ import annotations

import ast
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

FOLDER = Path(__file__).parent

_GAINS = {
    "decoder.conv_attention.weight": 0.05,
    "refine.conv_attention.weight": 0.5,
    "lut.classifier.fc.weight": 0.05,
    "decoder.to_rgb.weight": 0.3,
}


def official_entries() -> dict[str, np.ndarray]:
    """Return the content of a checkpoint with the official entries."""
    entries = {}
    for line in (FOLDER / "keys.txt").read_text().splitlines():
        name, shape, dtype = line.split("\t")
        value = _draw(name, ast.literal_eval(shape))
        entries[name] = value.astype(dtype).reshape(ast.literal_eval(shape))
    return entries


def official_checkpoint() -> dict[str, torch.Tensor]:
    """Write a checkpoint with the official entries."""
    import torch

    return {name: torch.tensor(value) for name, value in official_entries().items()}


def official_numbers() -> dict[str, torch.Tensor]:
    """Return the inputs and all stages of the official output."""
    import torch

    with np.load(FOLDER / "official_96x64.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def _draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFFFFFF)
    if name.endswith("num_batches_tracked"):
        return np.array(1)
    if name.endswith("mask_blurring.weight"):
        line = np.exp(-((np.arange(7) - 3.0) ** 2) / 2)
        return np.outer(line, line) / np.outer(line, line).sum()
    if name.endswith("running_mean"):
        return random.randn(*shape) * 0.2
    if name.endswith("running_var"):
        return random.uniform(0.5, 1.5, shape)
    if name.startswith("lut.LUT"):
        blue, green, red = np.meshgrid(*[np.linspace(0, 1, 33)] * 3, indexing="ij")
        identity = np.stack((red, green, blue)) if name == "lut.LUT0.LUT" else 0.0
        return random.randn(*shape) * 0.05 + identity
    if name.endswith("weight") and len(shape) == 1:
        return random.uniform(0.6, 1.4, shape)
    if name == "lut.classifier.fc.bias":
        return np.array([0.9, 0.5, -0.4, 0.7])
    if name.endswith("bias"):
        return random.randn(*shape) * 0.1
    return random.randn(*shape) * np.sqrt(_GAINS.get(name, 2.0) / np.prod(shape[1:]))
