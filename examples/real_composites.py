"""Harmonize the cut-and-paste composites in `photos/` and write the page that shows them.

python examples/real_composites.py [--model cdtnet-256] [--output docs]

writes real-composites.md, real-composites/NAME.jpg (composite and result), NAME-edge.jpg (a crop of both at
100 %, where the mask has most edge), and real-composites.jpg, the README's picture.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

import cdtnet

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
SIDE = 1024  # longest side of the pictures on the page
CROP = 400, 300  # width and height of the crops at 100 %
STRIP = 380  # height of the pictures for the README
QUALITY = 80
ON_README = "bird", "dogs", "drum"
INTRODUCTION = """# Real composites

Objects were cut out of one photograph and pasted into another. Each section shows the composite (left), the
result (right), and a crop of both at 100 %. Objects, positions and flaws were chosen before any composite was
harmonized (except bird, dogs and drum, which are older), and none was left out. There is no correct result to
compare with. Harmonizing does not add shadows.

The weights were trained on recolored versions of thirteen of the photographs used here, among others. The
composites themselves were not used for training.

`python examples/real_composites.py` writes this page. The pictures have the
[authors and licenses](../examples/photos/CREDITS.md) of the photographs.
"""


def main() -> None:
    """Harmonize all pictures and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="cdtnet-256", help="a shipped model or a file of weights")
    parser.add_argument("--output", type=Path, default=ROOT / "docs")
    arguments = parser.parse_args()
    captions = json.loads((PHOTOS / "captions.json").read_text(encoding="utf-8"))
    folder = arguments.output / "real-composites"
    folder.mkdir(parents=True, exist_ok=True)
    harmonizer = cdtnet.Harmonizer(arguments.model)
    strip = []
    for name in captions:
        composite, mask, after = shown(name, harmonizer)
        save(beside(composite, after), folder / f"{name}.jpg")
        window = most_edge(np.asarray(mask))
        save(beside(composite.crop(window), after.crop(window)), folder / f"{name}-edge.jpg")
        if name in ON_README:
            strip.append(above(composite, after))
        print(folder / f"{name}.jpg", flush=True)
    save(row(strip), arguments.output / "real-composites.jpg")
    page = arguments.output / "real-composites.md"
    page.write_text(describe(captions), encoding="utf-8")
    print(page)


def shown(name: str, harmonizer: cdtnet.Harmonizer) -> tuple[Image.Image, Image.Image, Image.Image]:
    """Return a composite and its mask, no longer than `SIDE`, and the harmonized composite."""
    with (
        Image.open(PHOTOS / f"{name}_composite.jpg") as photo,
        Image.open(PHOTOS / f"{name}_mask.png") as gray,
    ):
        composite, mask = photo.convert("RGB"), gray.convert("L")
    composite.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    mask = mask.resize(composite.size, Image.Resampling.BOX)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # where little is changed, the pictures show it
        return composite, mask, harmonizer(composite, mask).image


def most_edge(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the window of size `CROP` (left, top, right, bottom) around most of the mask's edge."""
    width, height = min(CROP[0], mask.shape[1]), min(CROP[1], mask.shape[0])
    edge = ndimage.gaussian_gradient_magnitude(mask.astype(np.float32), 1.0)
    sums = np.pad(edge.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    within = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = (round(places.mean()) for places in np.nonzero(within >= 0.999 * within.max()))
    return left, top, left + width, top + height


def beside(*pictures: Image.Image) -> Image.Image:
    """Join pictures of one size from left to right."""
    return Image.fromarray(np.concatenate([np.asarray(picture) for picture in pictures], axis=1))


def above(*pictures: Image.Image) -> Image.Image:
    """Join pictures of one size from top to bottom, reduced."""
    width = round(STRIP * pictures[0].width / pictures[0].height)
    small = [picture.resize((width, STRIP), Image.Resampling.LANCZOS) for picture in pictures]
    return Image.fromarray(np.concatenate([np.asarray(picture) for picture in small]))


def row(columns: list[Image.Image]) -> Image.Image:
    """Join columns of one height with a white gap."""
    gap = np.full((2 * STRIP, 6, 3), 255, np.uint8)
    parts = [part for column in columns for part in (gap, np.asarray(column))]
    return Image.fromarray(np.concatenate(parts[1:], axis=1))


def save(picture: Image.Image, path: Path) -> None:
    """Save a JPEG that is small enough for a repository."""
    picture.save(path, quality=QUALITY, optimize=True, progressive=True)


def describe(captions: dict[str, str]) -> str:
    """Return the page in Markdown."""
    return INTRODUCTION + "".join(
        f"""
## {name}

{caption}

![{name}: composite and harmonized](real-composites/{name}.jpg)

![{name} at 100 %](real-composites/{name}-edge.jpg)
"""
        for name, caption in captions.items()
    )


if __name__ == "__main__":
    main()
