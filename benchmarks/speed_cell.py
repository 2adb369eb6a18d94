"""Measure time and memory of one method on one picture, in this process; see speed.py."""

import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from speed_peers import peers

from cdtnet.system.machine import peak_memory, stay_within_memory

Pixels = NDArray[np.uint8]
Run = Callable[[Pixels, Pixels], Pixels]
INEXACT = ", inexact mask"
OFF = 5  # pixels by which an inexact mask is too wide
STRIP = 100  # rows of a picture made at a time, so that making it takes no memory


@dataclass(frozen=True)
class Cell:
    """A measurement.

    Attributes:
        cold: Seconds from nothing loaded to the first result.
        warm: Median seconds of further runs; None if there was no time for any.
        memory: Peak memory of the process in bytes, including the picture and all libraries.
        touched: Number of pixels that the mask covers.
    """

    cold: float
    warm: float | None
    memory: int
    touched: int


def main() -> None:
    name, height, width, share, runs, seconds = json.loads(sys.argv[1])
    stay_within_memory()
    warnings.simplefilter("ignore")  # of masks without background
    composite, mask = pasted(height, width, share)
    if name.endswith(INEXACT):
        mask = cv2.dilate(mask, np.ones((2 * OFF + 1, 2 * OFF + 1), np.uint8))
    start = time.perf_counter()
    run = METHODS[name]()
    run(composite, mask)
    cold = time.perf_counter() - start
    times: list[float] = []
    while len(times) < runs and cold + sum(times) < seconds:
        begin = time.perf_counter()
        run(composite, mask)
        times.append(time.perf_counter() - begin)
    warm = statistics.median(times) if times else None
    print(json.dumps(asdict(Cell(cold, warm, peak_memory(), int(np.count_nonzero(mask))))))


def pasted(height: int, width: int, share: float) -> tuple[Pixels, Pixels]:
    """Return a composite (H,W,3) whose foreground is too dark, and its mask (H,W)."""
    composite, mask = photo(height, width), ellipse(height, width, share)
    for row, inside in zip(composite, mask, strict=True):
        row[inside > 0] = row[inside > 0] * np.float32(0.8)
    return composite, mask


def photo(height: int, width: int) -> Pixels:
    """Return smooth colors with a little noise (H,W,3)."""
    random = np.random.default_rng(0)
    across = np.linspace(0, 2 * np.pi, width, dtype=np.float32)[:, None]
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, STRIP):
        down = (np.arange(top, min(top + STRIP, height), dtype=np.float32) / height)[:, None, None]
        smooth = 128 + 90 * np.sin(across * np.float32([1, 0.7, 1.3]) + 5 * down)
        smooth += 6 * random.standard_normal(smooth.shape, np.float32)
        result[top : top + STRIP] = smooth.clip(0, 255)
    return result


def ellipse(height: int, width: int, share: float) -> Pixels:
    """Return a mask (H,W) of a central ellipse that covers this share; of the whole picture for 1."""
    result = np.full((height, width), 255, np.uint8)
    if share < 1:
        scale = (4 * share / np.pi) ** 0.5
        columns = ((2 * np.arange(width, dtype=np.float32) + 1) / width - 1) / scale
        for row in range(height):
            result[row] *= columns**2 + (((2 * row + 1) / height - 1) / scale) ** 2 <= 1
    return result


def ours(model: str, engine: str, precision: str = "auto") -> Run:
    """Return the pipeline on an engine."""
    from cdtnet import Harmonizer

    harmonizer = Harmonizer(model, "cpu", engine=engine, precision=precision)
    return lambda composite, mask: harmonizer(composite, mask).image


def plain() -> Run:
    """Return the network's forward pass over the whole frame, as published."""
    import torch

    from cdtnet import load_model

    model = load_model("cdtnet-256")

    @torch.inference_mode()
    def run(composite: Pixels, mask: Pixels) -> Pixels:
        image = torch.from_numpy(composite).permute(2, 0, 1)[None] / 255
        painted = model(image, torch.from_numpy(mask)[None, None] / 255).image[0].permute(1, 2, 0)
        return (painted.clamp(0, 1) * 255).round().to(torch.uint8).numpy()

    return run


def generator_at_full_size() -> Run:
    """Return the generator on the picture at its own size."""
    from cdtnet.evaluation.methods import load_method

    return in_floats(load_method("is2am-full", "cpu").harmonize)


def classical(name: str) -> Run:
    """Return one of the classical methods."""
    from cdtnet.evaluation.methods import CLASSICAL

    return in_floats(CLASSICAL[name])


def in_floats(harmonize: Callable[..., NDArray[np.floating]]) -> Run:
    """Return a method for floats, applied to 8-bit pictures."""

    def run(composite: Pixels, mask: Pixels) -> Pixels:
        result = harmonize(composite / np.float32(255), mask / np.float32(255))
        return np.rint(255 * result).astype(np.uint8)

    return run


PLAIN = "CDTNet-256, whole frame, PyTorch"
METHODS: dict[str, Callable[[], Run]] = {
    "CDTNet-256, OpenVINO int8": partial(ours, "cdtnet-256", "openvino", "int8"),
    f"CDTNet-256, OpenVINO int8{INEXACT}": partial(ours, "cdtnet-256", "openvino", "int8"),
    "CDTNet-256, OpenVINO bfloat16": partial(ours, "cdtnet-256", "openvino", "bfloat16"),
    "CDTNet-256, OpenVINO float32": partial(ours, "cdtnet-256", "openvino", "float32"),
    "CDTNet-256, PyTorch bfloat16": partial(ours, "cdtnet-256", "pytorch", "bfloat16"),
    "CDTNet-256, PyTorch float32": partial(ours, "cdtnet-256", "pytorch", "float32"),
    "CDTNet-sim, OpenVINO": partial(ours, "cdtnet-sim", "openvino"),
    "CDTNet-sim, PyTorch": partial(ours, "cdtnet-sim", "pytorch"),
    "iS2AM, OpenVINO": partial(ours, "is2am", "openvino"),
    "iS2AM, PyTorch": partial(ours, "is2am", "pytorch"),
    PLAIN: plain,
    "iS2AM at full size, PyTorch": generator_at_full_size,
    "Reinhard": partial(classical, "reinhard"),
    "MKL": partial(classical, "mkl"),
    "Histogram matching": partial(classical, "histogram"),
    "Poisson blending": partial(classical, "poisson"),
    **peers(),
}

if __name__ == "__main__":
    main()
