"""Quality on photographs of held-out sources: ours, the classical methods, and the untouched composite.

python benchmarks/quality.py --photos PHOTOS --masks MASKS [--size 512]

writes docs/quality-SIZE.md and .json; with --sheet FILE.jpg also pictures (composite, MODELS in order, real).
"""

import argparse
import json
import platform
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from cdtnet import Harmonizer
from cdtnet.data.photos import find_photos, load_photos
from cdtnet.data.synthesis import Triplet, draw
from cdtnet.evaluation.baselines import BASELINES
from cdtnet.evaluation.metrics import fmse, mse, psnr
from cdtnet.imaging import Picture
from cdtnet.training.stages import HELD_OUT
from cdtnet.training.validation import SMALLEST_MSE

DOCS = Path(__file__).parents[1] / "docs"
MODELS = {"iS2AM, upsampled from 256": "is2am", "CDTNet-sim": "cdtnet-sim", "CDTNet-256": "cdtnet-256"}
COLUMNS = ("MSE", "PSNR", "fMSE", "fMSE left", "made worse")
Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of <source>/<name>.jpg")
    parser.add_argument("--masks", type=Path, help="folder of <source>/<name>.png, white = object")
    parser.add_argument("--sources", nargs="+", default=list(HELD_OUT), help="sources never trained on")
    parser.add_argument("--size", type=int, default=512, help="side of the square pictures")
    parser.add_argument("--count", type=int, default=400, help="number of composites")
    parser.add_argument(
        "--sheet", type=Path, help="picture to write; its photographs are not ours to publish"
    )
    parser.add_argument("--output", type=Path, default=DOCS)
    arguments = parser.parse_args()

    photos = find_photos(arguments.photos, arguments.masks, arguments.sources)
    store = load_photos(photos, arguments.size)
    random = torch.Generator().manual_seed(2022)
    methods: dict[str, Method] = {"composite": lambda composite, _mask: composite, **BASELINES}
    for name, model in MODELS.items():
        harmonizer = Harmonizer(model, device="cpu")
        methods[name] = lambda composite, mask, h=harmonizer: h(composite, mask).image
    scores: dict[str, list[tuple[float, float, float]]] = {name: [] for name in methods}
    sheet = []
    for _ in tqdm(range(arguments.count // 8), unit=" batches"):
        for composite, mask, real in zip(*as_arrays(draw(store, 8, arguments.size, random)), strict=True):
            if mse(composite * 255.0, real) < SMALLEST_MSE:
                continue
            outputs = {name: quantized(method(composite, mask)) for name, method in methods.items()}
            for name, output in outputs.items():
                error = mse(output, real), psnr(output, real), fmse(output, real, mask)
                scores[name].append(error)
            if len(sheet) < 8:
                sheet.append(np.concatenate([*(outputs[n] for n in ("composite", *MODELS)), real], axis=1))

    used = {photo.source for photo in photos}
    count = len(scores["composite"])
    title = (
        f"{count} composites, {arguments.size}×{arguments.size}, from {len(photos)} photographs "
        f"of {', '.join(sorted(used))}. {date.today()}, {platform.machine()}, PyTorch {torch.__version__}. "
        "Means with 95 % bootstrap intervals.\n\n"
        f"    python benchmarks/quality.py --photos PHOTOS {'--masks MASKS ' if arguments.masks else ''}"
        f"--sources {' '.join(arguments.sources)} --size {arguments.size} --count {arguments.count}"
    )
    rows = {name: summary(np.array(values), np.array(scores["composite"])) for name, values in scores.items()}
    stem = arguments.output / f"quality-{arguments.size}"
    stem.with_suffix(".md").write_text(table(title, rows), encoding="utf-8")
    variants = {"is2am": 0, "cdtnet-sim": 1, "cdtnet": 2}
    text = {v: sentence(arguments.size, rows, list(MODELS)[i]) for v, i in variants.items()}
    stem.with_suffix(".json").write_text(json.dumps(text, indent=1), encoding="utf-8")
    if arguments.sheet:
        Picture(np.concatenate(sheet[::2], axis=0).astype(np.uint8)).save(arguments.sheet, quality=85)
    print(table(title, rows))


def as_arrays(triplet: Triplet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Composites as a file would hold them, masks 0..1, real photos 0..255."""
    composite, mask, real = (tensor.permute(0, 2, 3, 1).numpy() for tensor in triplet)
    return np.rint(composite * 255).astype(np.uint8) / np.float32(255), mask[..., 0], real * 255


def quantized(image: np.ndarray) -> np.ndarray:
    """What an 8-bit file would hold, as values 0..255."""
    return np.rint(image * 255).clip(0, 255)


def summary(values: np.ndarray, composite: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Each column's mean over composites with a 95 % bootstrap interval."""
    picks = np.random.default_rng(0).integers(0, len(values), (1000, len(values)))
    worse = 100.0 * (values[:, 0] > composite[:, 0])
    columns = {"MSE": values[:, 0], "PSNR": values[:, 1], "fMSE": values[:, 2], "made worse": worse}
    result = {name: interval(v.mean(), v[picks].mean(1)) for name, v in columns.items()}
    left = values[:, 2][picks].mean(1) / composite[:, 2][picks].mean(1)
    result["fMSE left"] = interval(100 * values[:, 2].mean() / composite[:, 2].mean(), 100 * left)
    return result


def interval(mean: float, resampled: np.ndarray) -> tuple[float, float, float]:
    return float(mean), *(float(q) for q in np.quantile(resampled, (0.025, 0.975)))


def table(title: str, rows: dict[str, dict[str, tuple[float, float, float]]]) -> str:
    digits = {"MSE": 1, "PSNR": 2, "fMSE": 0, "fMSE left": 0, "made worse": 0}
    units = {"PSNR": " dB", "fMSE left": " %", "made worse": " %"}
    lines = [title, "", f"| | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in rows.items():
        cells = []
        for column in COLUMNS:
            mean, low, high = (f"{value:.{digits[column]}f}" for value in row[column])
            cells.append(f"{mean}{units.get(column, '')} ({low}–{high})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def sentence(size: int, rows: dict[str, dict[str, tuple[float, float, float]]], name: str) -> str:
    """One line for the weights' card."""
    row, before = rows[name], rows["composite"]
    return (
        f"PSNR {row['PSNR'][0]:.2f} dB (composite {before['PSNR'][0]:.2f}), fMSE {row['fMSE'][0]:.0f} "
        f"(composite {before['fMSE'][0]:.0f}), {row['made worse'][0]:.0f} % made worse; "
        f"{size} px, held-out photos"
    )


if __name__ == "__main__":
    main()
