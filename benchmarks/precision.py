"""Measure how far each engine, in each precision, is from the plain forward pass of the PyTorch modules.

python benchmarks/precision.py [--model cdtnet-256] writes docs/precision.md: the foregrounds of the example
composites.
"""

import argparse
import platform
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import cdtnet
from cdtnet.engines.opening import open_engine
from cdtnet.model import CDTNet
from cdtnet.model.loading import build
from cdtnet.system.machine import available_cores
from cdtnet.weights import load_weights, write_weights

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
NAMES = ("bird", "dogs", "drum")
ENGINES = ("openvino", "pytorch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="cdtnet-256")
    name = parser.parse_args().model
    weights = load_weights(name)
    once = replace(weights.config, second_look=False, close_up=False)  # as in the forward pass
    model = build(replace(weights, config=once))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "once.safetensors"
        write_weights(path, model, {})
        harmonizers = {
            (engine, precision): cdtnet.Harmonizer(path, "cpu", engine=engine, precision=precision)
            for engine in ENGINES
            for precision in open_engine(path, "cpu", engine).precisions
        }
    runtimes = sorted({harmonizer.engine.describe().split(",")[0] for harmonizer in harmonizers.values()})
    title = (
        "# Precision\n\n"
        f"{name}, analyzing the whole picture once, on the foregrounds of the example composites. "
        "Errors are in levels of 255, against the plain forward pass over the whole frame in float32. "
        f"{', '.join(runtimes)}, {platform.machine()}, {available_cores()} cores, {date.today()}."
    )
    lines = [
        title,
        "",
        "    python benchmarks/precision.py",
        "",
        "| engine | precision | picture | largest before rounding | equal | off by 1 | off by more | PSNR |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for picture in NAMES:
        composite = np.array(Image.open(PHOTOS / f"{picture}_composite.jpg").convert("RGB"))
        mask = np.array(Image.open(PHOTOS / f"{picture}_mask.png").convert("L"))
        expected = 255 * plain(model, composite, mask)
        for (engine, precision), harmonizer in harmonizers.items():
            exact = harmonizer(composite.astype(np.float32) / 255, mask).image.astype(np.float64) * 255
            rounded = harmonizer(composite, mask).image.astype(np.float64)
            cells = compare(exact[mask > 0], rounded[mask > 0], expected[mask > 0])
            lines.append(f"| {engine} | {precision} | {picture} | {' | '.join(cells)} |")
            print(lines[-1], file=sys.stderr)
    (ROOT / "docs" / "precision.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def compare(exact: NDArray, rounded: NDArray, expected: NDArray) -> tuple[str, ...]:
    """Return statistics of the differences of pixels (n,3), in levels."""
    apart = np.abs(rounded - np.rint(expected))
    worst = apart.max(axis=1)
    shares = [(worst == 0).mean(), (worst == 1).mean(), (worst > 1).mean()]
    error = (apart**2).mean()
    psnr = "∞" if error == 0 else f"{10 * np.log10(255**2 / error):.1f} dB"
    return f"{np.abs(exact - expected).max():.5f}", *(f"{100 * share:.3f} %" for share in shares), psnr


def plain(model: CDTNet, composite: NDArray, mask: NDArray) -> NDArray:
    """Return the module's forward pass, blended with the mask (H,W,3), in 0..1."""
    image = torch.from_numpy(composite).permute(2, 0, 1)[None].float() / 255
    soft = torch.from_numpy(mask)[None, None].float() / 255
    with torch.inference_mode():
        after = model(image, soft).image
        blended = after if model.config.variant == "cdtnet-sim" else torch.lerp(image, after, soft)
    return blended[0].permute(1, 2, 0).clamp(0, 1).numpy().astype(np.float64)


if __name__ == "__main__":
    main()
