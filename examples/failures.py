"""Difficult cases for the weights, as pictures and figures: real composites, and an unmodified photo.

python examples/failures.py [--model cdtnet-256] [--output docs]

writes failures.jpg (composite, result, and a crop of both at 100 %; a row for each of CASES) and failures.md.
"""

import argparse
import json
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from real_composites import CROP, PHOTOS, ROOT, SIDE, most_edge, save, shown
from scipy import ndimage

import cdtnet
from cdtnet.evaluation.table import Table

UNTOUCHED = "untouched"
CASES = {
    "bowl": "a strong color: pure red should stay red",
    "balloon": "night: the foreground should get dark",
    "firefighter": "a scene without color: none should be left",
    "kite": "a tiny foreground",
    "tower": "light from one side: a color change cannot turn it",
    UNTOUCHED: "a photo as it was taken: nothing should change",
}
"""NAME → what is hard about it; rows of the picture, in order."""
INTRODUCTION = """# Known failures of {model}

Measurements of the [real composites](real-composites.md). Brightness and saturation (largest minus smallest
channel) are means of the foreground before → after, and of the background in parentheses, 0–255. Change is
the mean change of the foreground in levels. Detail left is the ratio of the standard deviations of the finest
detail (what a Gaussian of 1 pixel removes). {date}, `python examples/failures.py`."""
LUMA = np.array([0.299, 0.587, 0.114])

Floats = NDArray[np.float64]
Pictures = tuple[Image.Image, Image.Image, Image.Image]


def main() -> None:
    """Measure all composites, and show CASES."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="cdtnet-256", help="a shipped model or a file of weights")
    parser.add_argument("--output", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()
    harmonizer = cdtnet.Harmonizer(arguments.model)
    names = [*json.loads((PHOTOS / "captions.json").read_text(encoding="utf-8")), UNTOUCHED]
    made = {n: untouched(harmonizer) if n == UNTOUCHED else shown(n, harmonizer) for n in names}
    arguments.output.mkdir(parents=True, exist_ok=True)
    save(sheet([made[name] for name in CASES]), arguments.output / "failures.jpg")
    table = Table(
        INTRODUCTION.format(model=Path(arguments.model).stem, date=date.today()),
        ["", "brightness", "saturation", "change", "detail left", "what is hard"],
        [[name, *measured(*pictures), CASES.get(name, "")] for name, pictures in made.items()],
        [f"![{', '.join(CASES)}](failures.jpg)", "", f"From top to bottom: {', '.join(CASES)}."],
    )
    page = arguments.output / "failures.md"
    page.write_text(table.markdown(), encoding="utf-8")
    print(page)


def untouched(harmonizer: cdtnet.Harmonizer) -> Pictures:
    """Return the photograph of the demo, its mask, and its harmonized version."""
    demo = ROOT / "src" / "cdtnet" / "demo"
    with Image.open(ROOT / "examples" / "demo_target.jpg") as photo, Image.open(demo / "mask.png") as gray:
        photo.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        composite, mask = photo.convert("RGB"), gray.convert("L").resize(photo.size, Image.Resampling.BOX)
    return composite, mask, harmonizer(composite, mask).image


def measured(composite: Image.Image, mask: Image.Image, after: Image.Image) -> list[str]:
    """Return the cells of a row."""
    pixels, share, result = (np.asarray(picture).astype(np.float64) for picture in (composite, mask, after))
    inside, outside = share == 255, share == 0
    core = ndimage.binary_erosion(inside, iterations=4, border_value=1)
    luma, saturation = (lambda x: x @ LUMA), (lambda x: np.ptp(x, axis=2))
    return [
        *(change(of(pixels), of(result), inside, outside) for of in (luma, saturation)),
        f"{np.abs(result - pixels)[inside].mean():.1f}",
        f"{100 * fine(result)[core].std() / fine(pixels)[core].std():.0f} %",
    ]


def change(before: Floats, after: Floats, inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> str:
    """Return means of the foreground before and after, and of the background."""
    return f"{before[inside].mean():.0f} → {after[inside].mean():.0f} ({before[outside].mean():.0f})"


def fine(picture: Floats) -> Floats:
    """Return the detail of a picture (H,W,3) that a Gaussian of one pixel removes."""
    return picture - ndimage.gaussian_filter(picture, (1, 1, 0))


def sheet(cases: list[Pictures]) -> Image.Image:
    """Make a row for each case: both pictures at the height of a crop, and both crops."""
    height = CROP[1]
    rows = []
    for composite, mask, after in cases:
        width = round(composite.width * height / composite.height)
        small = [p.resize((width, height), Image.Resampling.LANCZOS) for p in (composite, after)]
        window = most_edge(np.asarray(mask))
        rows.append(np.concatenate([*small, composite.crop(window), after.crop(window)], axis=1))
    widest = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 4), (0, widest - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return Image.fromarray(np.concatenate(padded))


if __name__ == "__main__":
    main()
