"""Measure encoding time and size of lossless files, by filter and zlib level.

python benchmarks/writing.py writes docs/writing.md: the example photographs, one thread of one process.
"""

import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from PIL import Image

from cdtnet.imaging.write import DEFLATE

ROOT = Path(__file__).parents[1]
NAMES = ("bird", "dogs", "drum")
FILTERS = ("none", "sub", "up", "paeth")
LEVELS = (1, 2, 3, 6)


def main() -> None:
    photos = [Image.open(ROOT / "examples" / "photos" / f"{name}_composite.jpg") for name in NAMES]
    pixels = [np.asarray(photo.convert("RGB")) for photo in photos]
    title = (
        "# Writing pictures\n\nProcessor time and file size per megapixel, "
        f"on {len(NAMES)} example photographs of 8 bits: "
        f"libvips {'.'.join(str(pyvips.version(part)) for part in range(3))}, {platform.machine()}, "
        f"{date.today()}. cdtnet uses the filters `up` (PNG) and `horizontal` (TIFF), and level {DEFLATE}."
    )
    lines = [
        title,
        "",
        "    python benchmarks/writing.py",
        "",
        "| format | filter | level | seconds per megapixel | megabytes per megapixel |",
        "|---|---|---|---|---|",
    ]
    images = [image(each) for each in pixels]
    for *labels, encode in encoders():
        took, size = measured(images, encode)
        lines.append(f"| {' | '.join((*labels, f'{took:.3f}', f'{size:.2f}'))} |")
        print(lines[-1], file=sys.stderr)
    (ROOT / "docs" / "writing.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def image(pixels: Any) -> Any:
    """Return the pixels (H,W,3) as a libvips image."""
    height, width, bands = pixels.shape
    return pyvips.Image.new_from_memory(pixels.tobytes(), width, height, bands, "uchar")


def encoders() -> Iterator[tuple[str, str, str, Callable[[Any], bytes]]]:
    """Yield the format, filter, level, and a function that encodes with them."""
    for level in LEVELS:
        for name in FILTERS:
            yield (
                "PNG",
                name,
                str(level),
                lambda image, f=name, n=level: image.pngsave_buffer(filter=f, compression=n),
            )
        yield (
            "TIFF",
            "horizontal",
            str(level),
            lambda image, n=level: image.tiffsave_buffer(
                compression="deflate", predictor="horizontal", level=n
            ),
        )


def measured(images: list[Any], encode: Callable[[Any], bytes]) -> tuple[float, float]:
    """Return processor seconds and megabytes per megapixel, the faster of two rounds."""
    megapixels = sum(each.width * each.height for each in images) / 1e6
    rounds = []
    for _ in range(2):
        start = time.process_time()
        size = sum(len(encode(each)) for each in images)
        rounds.append(time.process_time() - start)
    return min(rounds) / megapixels, size / megapixels / 1e6


if __name__ == "__main__":
    main()
