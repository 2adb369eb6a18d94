"""Measure quality on photographs of held-out sources: the model, classical methods, and the composite itself.

python benchmarks/quality.py --photos PHOTOS --masks MASKS [--size 512]

writes docs/quality-SIZE.md (the table, and MODELS by source, foreground ratio and kind of scene) and .json;
with --sheet FILE.jpg also pictures (composite, MODELS in order, real).
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from cdtnet.composites.photos import Photo, PhotoStore, find_photos, load_photos
from cdtnet.composites.synthesis import choose, synthesize
from cdtnet.datasets.samples import Arrays
from cdtnet.evaluation.journal import Entry
from cdtnet.evaluation.methods import CLASSICAL, Method, load_method
from cdtnet.evaluation.metrics import mse
from cdtnet.evaluation.names import label_of
from cdtnet.evaluation.results import UNTOUCHED, Evaluation
from cdtnet.evaluation.running import circumstances, evaluation_of, outputs, score_arrays
from cdtnet.evaluation.statistics import Chosen, Estimate, by_foreground, by_subset, summarize
from cdtnet.evaluation.table import Table
from cdtnet.evaluation.tables import summary_rows
from cdtnet.imaging import Picture
from cdtnet.training.recipe import load_recipe
from cdtnet.training.validation import SMALLEST_MSE

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "shipped" / "cdtnet-256.yaml"
MODELS = {
    "iS2AM, upsampled from 256": "is2am",
    "CDTNet-sim": "cdtnet-sim",
    "CDTNet-256": "cdtnet-256",
    "CDTNet-512": "cdtnet-512",
}
COLUMNS = ("mse", "psnr", "fmse", "fmse_left", "worse")
GROUP_COLUMNS = ("psnr", "fmse", "fmse_left", "worse")
LUMA = np.array([0.299, 0.587, 0.114])
DARK, GRAY = 70, 25
SLIGHT, VERY = 100, 1500
BATCH = 8
LARGE = 1024
SHOWN = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of <source>/<name>.jpg")
    parser.add_argument("--masks", type=Path, help="folder of <source>/<name>.png, white = object")
    parser.add_argument("--sources", nargs="+", help="sources never trained on (default: those of RECIPE)")
    parser.add_argument("--size", type=int, default=512, help="side of the square pictures")
    parser.add_argument("--count", type=int, default=400, help="number of composites")
    parser.add_argument(
        "--ours-alone", action="store_true", help="omit the classical methods, one of which is slow"
    )
    parser.add_argument(
        "--sheet", type=Path, help="picture to write; do not publish it, because of the photographs' licenses"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()

    sources = arguments.sources or load_recipe(RECIPE).data.held_out
    photos = find_photos(arguments.photos, arguments.masks, sources)
    names = ({} if arguments.ours_alone else {label_of(name): name for name in CLASSICAL}) | MODELS
    methods = {label: load_method(name, "cpu") for label, name in names.items()}
    entries, scenes, sheet = [], [], []
    for source, arrays in synthesized(
        load_photos(photos, arguments.size), photos, arguments.count, arguments.size
    ):
        entries.append(score_arrays(methods, "", source, arrays))
        scenes.append(scene(arrays))
        if len(sheet) < SHOWN:
            made = {UNTOUCHED: arrays.composite, **dict(outputs(methods, arrays))}
            sheet.append(np.concatenate([*(made[n] for n in (UNTOUCHED, *MODELS)), arrays.real], axis=1))
    evaluation = scored(entries, methods, arguments.size)
    summary = summarize(evaluation)
    title = (
        f"# Quality at {arguments.size} px\n\n"
        f"{len(evaluation.composites)} composites, {arguments.size}×{arguments.size}, from {len(photos)} "
        f"photographs of {', '.join(sorted({photo.source for photo in photos}))}. {evaluation.date}, "
        f"{evaluation.hardware}. Means with 95 % bootstrap intervals.\n\n"
        f"    python benchmarks/quality.py --photos PHOTOS {'--masks MASKS ' if arguments.masks else ''}"
        f"--sources {' '.join(sources)} --size {arguments.size} --count {arguments.count}"
        f"{' --ours-alone' if arguments.ours_alone else ''}"
    )
    groups = {**by_subset(evaluation), **by_foreground(evaluation), **by_scene(evaluation, scenes)}
    tables = [
        Table(title, *summary_rows(summary, COLUMNS)),
        *(by_group(evaluation, groups, m) for m in MODELS),
    ]
    table = "\n".join(each.markdown() for each in tables)
    stem = arguments.output / f"quality-{arguments.size}"
    stem.with_suffix(".md").write_text(table, encoding="utf-8")
    card = {name: sentence(arguments.size, summary, label) for label, name in MODELS.items()}
    stem.with_suffix(".json").write_text(json.dumps(card, indent=1), encoding="utf-8")
    if arguments.sheet:
        Picture(np.rint(np.concatenate(sheet)).astype(np.uint8)).save(arguments.sheet, quality=85)
    print(table)


def synthesized(
    store: PhotoStore, photos: Sequence[Photo], count: int, size: int
) -> Iterator[tuple[str, Arrays]]:
    """Yield sources and 8-bit composites, always the same, without composites that need no change."""
    random = torch.Generator().manual_seed(2022)
    batch = BATCH if size <= LARGE else 2  # for the memory that recoloring takes
    for _ in tqdm(range(count // batch), unit=" batches"):
        chosen = choose(store, batch, random)
        triplet = (
            (t.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
            for t in synthesize(store, chosen, size, random)
        )
        for photo, composite, mask, real in zip(chosen.tolist(), *triplet, strict=True):
            if mse(composite, real) >= SMALLEST_MSE:
                yield photos[photo].source, Arrays(composite, mask[..., 0], real)


def scored(entries: Sequence[Entry], methods: Mapping[str, Method], size: int) -> Evaluation:
    """Return the evaluation on synthesized composites, with its date and data."""
    return evaluation_of(
        entries,
        dataset="photographs",
        layout="",
        split="",
        size=size,
        whole_frame=False,
        **circumstances(methods),
    )


def scene(arrays: Arrays) -> tuple[float, float]:
    """Return the mean luma and the mean range of the channels of a real photo, in 0..255."""
    real = arrays.real
    return float((real @ LUMA).mean()), float(np.ptp(real, axis=2).mean())


def by_scene(evaluation: Evaluation, scenes: Sequence[tuple[float, float]]) -> dict[str, Chosen]:
    """Return the composites (N,) of each hard kind of scene or change."""
    luma, color = np.array(scenes).T
    fmse = evaluation.values[UNTOUCHED]["fmse"]
    return {
        f"dark (mean luma < {DARK})": luma < DARK,
        f"near-gray (mean saturation < {GRAY})": color < GRAY,
        f"slightly wrong (fMSE < {SLIGHT})": fmse < SLIGHT,
        f"very wrong (fMSE ≥ {VERY})": fmse >= VERY,
    }


def by_group(evaluation: Evaluation, groups: Mapping[str, Chosen], label: str) -> Table:
    """Return the table of one model's scores by group of composites."""
    header, rows = [], []
    for name, chosen in groups.items():
        summary = summarize(evaluation, chosen)
        header, (before, after) = summary_rows({n: summary[n] for n in (UNTOUCHED, label)}, GROUP_COLUMNS)
        rows.append([name, f"{int(chosen.sum())}", before[1], *after[1:]])
    return Table(
        f"{label} by source, foreground and scene.", ["", "composites", "PSNR before", *header[1:]], rows
    )


def sentence(size: int, summary: dict[str, dict[str, Estimate]], label: str) -> str:
    """Return one line for the weights' card."""
    ours, before = ({name: e.value for name, e in summary[m].items()} for m in (label, UNTOUCHED))
    return (
        f"PSNR {ours['psnr']:.2f} dB (composite {before['psnr']:.2f}), fMSE {ours['fmse']:.0f} "
        f"(composite {before['fmse']:.0f}), {100 * ours['worse']:.0f} % made worse; "
        f"{size} px, held-out photos"
    )


if __name__ == "__main__":
    main()
