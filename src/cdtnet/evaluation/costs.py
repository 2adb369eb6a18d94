"""The cost of a method for one picture, in a separate process: time, memory, operations."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from ..errors import CdtnetError
from ..imaging.geometry import Window
from ..system.machine import peak_memory, stay_within_memory
from .methods import load_method
from .results import Cost

PICTURES = ((1024, 1024), (2048, 2048), (4000, 6000))
"""Heights and widths of the measured pictures."""

FOREGROUND = 0.086
"""The share of foreground in the pictures: the median of HAdobe5k."""


def measure_costs(
    names: Mapping[str, str], device: str, pictures: Sequence[tuple[int, int]]
) -> Iterator[Cost]:
    """Measure methods on pictures of several sizes, with as many threads as in this process.

    If a picture does not fit into memory, its time and memory are None.

    Args:
        names: The name for `load_method` of each label in the results.
        device: The device of networks.
        pictures: Heights and widths.

    Raises:
        CdtnetError: A process failed for another reason.
    """
    for label, name in names.items():
        for height, width in pictures:
            task = json.dumps([name, device, height, width, torch.get_num_threads()])
            command = [sys.executable, "-W", "ignore", "-m", __name__, task]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode > 0:
                reason = done.stderr.strip().rpartition("\n")[2]
                raise CdtnetError(f"The cost of {label} could not be measured: {reason}")
            killed = done.returncode < 0  # by the system, for using too much memory
            yield Cost(
                label, height, width, *((FOREGROUND, *[None] * 4) if killed else json.loads(done.stdout))
            )


def measure(
    name: str, device: str, height: int, width: int, threads: int
) -> tuple[float, float | None, int | None, int | None, int | None]:
    """Measure a method on a picture of noise, in this process, after a small one to warm up.

    Returns:
        Foreground ratio, seconds, memory, operations and parameters, as in `Cost`.
    """
    torch.set_num_threads(threads)
    method = load_method(name, device)
    network = method.network
    parameters = None if network is None else sum(p.numel() for p in network.parameters())
    gpu = network is not None and next(network.parameters()).is_cuda
    before = _peak(gpu)
    method.harmonize(*_picture(256, 256))
    seconds = memory = flops = None
    if not gpu:
        stay_within_memory()
    try:
        composite, mask = _picture(height, width)
        given = 0 if gpu else composite.nbytes + mask.nbytes
        start = time.perf_counter()
        method.harmonize(composite, mask)
        seconds = time.perf_counter() - start
        memory = max(_peak(gpu) - before - given, 0)
        if network is not None:
            with FlopCounterMode(display=False) as counter:
                method.harmonize(composite, mask)
            flops = counter.get_total_flops()
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not re.search("memory|primitive", str(error)):
            raise
    foreground = _foreground(height, width)
    ratio = (foreground.bottom - foreground.top) * (foreground.right - foreground.left) / (height * width)
    return ratio, seconds, memory, flops, parameters


def _picture(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make noise (H,W,3) in 0..1, and a mask (H,W) with a rectangle in the center."""
    mask = np.zeros((height, width), np.float32)
    mask[_foreground(height, width).slices] = 1
    return np.random.default_rng(0).random((height, width, 3), dtype=np.float32), mask


def _foreground(height: int, width: int) -> Window:
    margin = (1 - FOREGROUND**0.5) / 2
    top, left = round(height * margin), round(width * margin)
    return Window(top, left, height - top, width - left)


def _peak(gpu: bool) -> int:
    """Return the peak memory of this process in bytes, on the GPU or in main memory."""
    return torch.cuda.max_memory_allocated() if gpu else peak_memory()


if __name__ == "__main__":
    print(json.dumps(measure(*json.loads(sys.argv[1]))))
