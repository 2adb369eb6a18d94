"""Measure the page's results for roughly painted objects, on the composites in `examples/photos/`.

python benchmarks/painting.py [--model cdtnet-256] [--output docs]

paints each object with a real mouse in Chromium, presses Harmonize, and downloads the picture and the mask.
It writes quality-painting.md and quality-painting.jpg: a crop of the composite with what was painted, the
result, and the result with the exact mask. There is no correct result to compare with, so the table compares
the colors with those of the result with the exact mask, over the object without its outermost pixels.
Needs Playwright; CDTNET_CHROMIUM names the browser if it is not Playwright's own.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from scipy import ndimage
from tqdm import tqdm

import cdtnet
from cdtnet.evaluation.table import Table

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
SIDE = 1024  # the longer side of a composite
WINDOW = {"width": 1500, "height": 1000}
BRUSH = 0.06  # the brush's radius, in shares of the object's longer side
LEAST, MOST = 3, 0.4  # as in paint.js: the smallest brush in pixels, the largest in shares of the picture
CORE = 8
CROP = 320, 240  # width and height of the crops at 100 %
QUALITY = 70
INTRODUCTION = """# Painted by hand

The objects of the [real composites](real-composites.md), painted with a large brush on the [page](app.md) and
harmonized by {model}, with *Snap to edge*, which is on by default. {day}.

    python benchmarks/painting.py

{near} of {count} results are within 5 levels of the result with the exact mask. Columns 2 and 3 are mean
distances from that result, in levels of 255, over the object without its outermost 8 pixels. Overlap is the
intersection over the union of the mask and the exact mask. There is no correct result to compare with.

{table}

From left to right, at 100 %: the composite, what was painted, the result, and the result with the exact mask.
In the order of the table.

![Composites, strokes, results, and results with exact masks](quality-painting.jpg)
"""
PINK = np.array([236, 28, 110])

Array = NDArray[np.uint8]


class Painted(NamedTuple):
    """A composite and its results: pictures (H,W,3) and masks (H,W), uint8."""

    name: str
    composite: Array
    exact: Array
    strokes: Array
    mask: Array
    result: Array
    expected: Array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="cdtnet-256", help="a shipped model")
    parser.add_argument("--output", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    harmonizer = cdtnet.Harmonizer(arguments.model)
    names = [*json.loads((PHOTOS / "captions.json").read_text(encoding="utf-8"))]
    with sync_playwright() as playwright, app() as address:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CDTNET_CHROMIUM"))
        done = [
            paint(browser.new_page(viewport=WINDOW), address, name, arguments.model, harmonizer)
            for name in tqdm(names)
        ]
        browser.close()
    pictures = np.concatenate([beside(each) for each in done])
    Image.fromarray(pictures).save(
        arguments.output / "quality-painting.jpg", quality=QUALITY, optimize=True, progressive=True
    )
    text = describe(done, arguments.model)
    (arguments.output / "quality-painting.md").write_text(text, encoding="utf-8")
    print(text)


@contextmanager
def app() -> Iterator[str]:
    """Serve the page, and yield its address."""
    command = [sys.executable, "-m", "cdtnet", "app", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def paint(page: Page, address: str, name: str, model: str, harmonizer: cdtnet.Harmonizer) -> Painted:
    """Open a composite on the page, paint its object with the mouse, and harmonize it."""
    with (
        Image.open(PHOTOS / f"{name}_composite.jpg") as photo,
        Image.open(PHOTOS / f"{name}_mask.png") as gray,
    ):
        composite, mask = photo.convert("RGB"), gray.convert("L")
    composite.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    exact = np.asarray(mask.resize(composite.size, Image.Resampling.BOX))
    data = io.BytesIO()
    composite.save(data, "PNG")

    page.set_default_timeout(300_000)
    page.goto(address)
    page.get_by_role("radio", name="Open a composite").check()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose composite").click()
    chooser.value.set_files({"name": f"{name}.png", "mimeType": "image/png", "buffer": data.getvalue()})
    page.get_by_role("status").filter(has_text=f"{name}.png: ").wait_for()
    radius = max(BRUSH * extent(exact), LEAST)
    most = max(composite.size) * MOST
    page.get_by_label("Brush size").fill(
        f"{min(math.log(2 * radius / LEAST) / math.log(most / LEAST), 1):.2f}"
    )
    lines = strokes(exact, radius)
    for line in lines:
        drag(page, line, composite.size)
    page.get_by_label("Model").select_option(model)
    page.get_by_role("button", name="Harmonize", exact=True).click()
    page.get_by_role("status").filter(has_text="Done.").wait_for()
    picture, snapped = download(page, "picture"), download(page, "mask")
    page.close()
    expected = np.asarray(harmonizer(composite, Image.fromarray(exact)).image)
    return Painted(
        name, np.asarray(composite), exact, drawn(lines, radius, composite.size), snapped, picture, expected
    )


def extent(mask: Array) -> int:
    """Return the longer side of an object in pixels."""
    return max(int(np.ptp(places)) + 1 for places in np.nonzero(mask > 127))


def strokes(mask: Array, radius: float) -> list[list[tuple[int, int]]]:
    """Return horizontal lines (x, y) over an object, without parts thinner than the brush."""
    inside = ndimage.distance_transform_edt(mask > 127)
    centers = inside > 0.7 * min(radius, 0.9 * inside.max())
    rows = np.flatnonzero(centers.any(1))
    chosen = np.unique(np.linspace(rows[0], rows[-1], int(np.ptp(rows) / (0.6 * radius)) + 2).round()).astype(
        int
    )
    lines = []
    for y in chosen:
        edges = np.flatnonzero(np.diff(np.pad(centers[y].astype(int), 1)))
        lines += [[(left, y), (right - 1, y)] for left, right in edges.reshape(-1, 2).tolist()]
    return lines


def drag(page: Page, line: list[tuple[int, int]], size: tuple[int, int]) -> None:
    """Paint a line, in pixels of the picture, which fits into the canvas."""
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    factor = min(box["width"] / size[0], box["height"] / size[1])
    left, top = (
        box["x"] + (box["width"] - factor * size[0]) / 2,
        box["y"] + (box["height"] - factor * size[1]) / 2,
    )
    places = [(left + factor * (x + 0.5), top + factor * (y + 0.5)) for x, y in line]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def drawn(lines: list[list[tuple[int, int]]], radius: float, size: tuple[int, int]) -> Array:
    """Draw the strokes as a mask (H,W)."""
    away = np.ones(size[::-1], bool)
    for (left, y), (right, _) in lines:
        away[y, left : right + 1] = False
    return np.where(ndimage.distance_transform_edt(away) <= radius, 255, 0).astype(np.uint8)


def download(page: Page, what: str) -> Array:
    """Download a file of the page, and return its pixels."""
    with page.expect_download() as saved:
        page.locator(f'[data-download="{what}"]').click()
    return np.asarray(Image.open(saved.value.path()))


# The page of results


def beside(done: Painted) -> Array:
    """Put crops at 100 % side by side: composite, strokes, result, and result with the exact mask."""
    weights = 0.4 * (done.strokes[..., None] / 255)
    overlay = np.rint(done.composite * (1 - weights) + PINK * weights).astype(np.uint8)
    width, height = (min(side, whole) for side, whole in zip(CROP, done.exact.shape[::-1], strict=True))
    rows, columns = np.nonzero(done.exact > 127)
    top = min(max(round(rows.mean()) - height // 2, 0), done.exact.shape[0] - height)
    left = min(max(round(columns.mean()) - width // 2, 0), done.exact.shape[1] - width)
    crop = slice(top, top + height), slice(left, left + width)
    parts = [picture[crop] for picture in (done.composite, overlay, done.result, done.expected)]
    padded = [np.pad(p, ((0, CROP[1] - height), (0, CROP[0] - width), (0, 0))) for p in parts]
    return np.concatenate(padded, axis=1)


def distances(done: Painted) -> tuple[float, float]:
    """Return the mean distances of composite and result from the result with the exact mask, in levels."""
    core = ndimage.distance_transform_edt(done.exact > 127) > CORE
    expected = done.expected[core].astype(float)
    return tuple(float(np.abs(p[core] - expected).mean()) for p in (done.composite, done.result))


def overlap(mask: Array, exact: Array) -> float:
    """Return the intersection over the union."""
    inside, truth = mask > 127, exact > 127
    return float((inside & truth).sum() / (inside | truth).sum())


def describe(done: list[Painted], model: str) -> str:
    """Write the page in Markdown."""
    rows = []
    for each in done:
        before, after = distances(each)
        overlaps = (f"{100 * overlap(m, each.exact):.0f} %" for m in (each.strokes, each.mask))
        rows.append([each.name, f"{before:.1f}", f"{after:.1f}", *overlaps])
    header = ["", "composite", "result", "overlap as painted", "overlap snapped"]
    near = sum(distances(each)[1] <= 5 for each in done)
    return INTRODUCTION.format(
        model=model,
        day=date.today().isoformat(),
        near=near,
        count=len(done),
        table=Table("", header, rows).markdown().strip(),
    )


if __name__ == "__main__":
    main()
