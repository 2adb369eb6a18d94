"""Measure time and memory of harmonizing a picture of a gigapixel from file to file.

python benchmarks/gigapixel.py [--model cdtnet-256] [--folder FOLDER] makes the pictures in a temporary
folder (5 GB) and writes the table in docs/large-pictures.md; each row is measured in its own process.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyvips

from cdtnet.system.machine import peak_memory

PAGE = Path(__file__).parents[1] / "docs" / "large-pictures.md"
WIDTH, HEIGHT = 32768, 30720
SHARE = 0.1
HEAD = "| picture | file | foreground | peak memory of the process | processor time | elapsed |"
PLACE = re.compile(r"(<!-- gigapixel -->\n).*(<!-- end -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="cdtnet-256")
    parser.add_argument("--folder", help="folder with enough space (default: that of temporary files)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.model, Path(arguments.child))))
        return
    line = row(arguments.model, WIDTH, HEIGHT, arguments.folder)
    title = f"{arguments.model}, {os.cpu_count()} {platform.machine()} cores, {date.today()}:"
    table = "\n".join([title, "", HEAD, "|---|---|---|---|---|---|", line, ""])
    PAGE.write_text(PLACE.sub(rf"\1{table}\2", PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def row(model: str, width: int, height: int, folder: str | None) -> str:
    """Make a picture and its mask, harmonize it in another process, and remove everything."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        make(Path(place), width, height)
        megabytes = (Path(place) / "composite.tif").stat().st_size / 1e6
        command = [sys.executable, __file__, "--model", model, "--child", place]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    text = (
        f"| {width}×{height}, 8 bit RGB | {megabytes:.0f} MB, uncompressed tiles | {100 * SHARE:g} % "
        f"| {found['peak']:.0f} MB | {found['processor']:.0f} s | {found['elapsed']:.0f} s |"
    )
    print(text, file=sys.stderr)
    return text


def make(place: Path, width: int, height: int) -> None:
    """Write composite.tif, waves with noise like a camera's, and mask.tif, an ellipse with a soft edge."""
    # The noise repeats only after more than 32 KB, because deflate would find a shorter repetition.
    x, y = np.meshgrid(*[np.arange(n, dtype=np.float32) * (2 * np.pi / n) for n in (16384, 1024)])
    waves = np.sin(3 * x + 2 * y) + np.sin(7 * x - 5 * y) + 0.3 * np.sin(31 * x + 17 * y)
    color = waves[..., None] * np.float32([27, 30, 33]) + np.float32([120, 110, 90])
    color += np.random.default_rng(0).standard_normal(color.shape, np.float32) * 3
    tile = pyvips.Image.new_from_array(color.clip(0, 255).astype(np.uint8))
    picture = tile.replicate(width // 16384 + 1, height // 1024 + 1).crop(0, 0, width, height)
    picture.tiffsave(str(place / "composite.tif"), tile=True, tile_width=256, tile_height=256)
    places = pyvips.Image.xyz(width, height)
    across, down = places[0] / width - 0.5, places[1] / height - 0.5
    distance = (across * across + down * down) * (np.pi / SHARE)
    ((1.02 - distance) * (255 / 0.04)).cast("uchar").tiffsave(str(place / "mask.tif"), compression="deflate")


def measure(model: str, place: Path) -> dict[str, float]:
    """Harmonize one picture in this process."""
    from cdtnet import Harmonizer

    def progress(done: int, total: int) -> None:
        print(f"\r{done}/{total}", end="\r", file=sys.stderr, flush=True)

    elapsed, processor = time.monotonic(), time.process_time()
    harmonizer = Harmonizer(model, device="cpu")
    names = (str(place / name) for name in ("composite.tif", "mask.tif", "out.tif"))
    harmonizer.to_file(*names, progress=progress)
    return {
        "elapsed": time.monotonic() - elapsed,
        "processor": time.process_time() - processor,
        "peak": peak_memory() / 1e6,
    }


if __name__ == "__main__":
    main()
