"""Compare libraries that read and write large TIFF files: libvips, and tifffile with and without imagecodecs.

python benchmarks/tiff_libraries.py [--folder FOLDER] makes files of a quarter of a gigapixel (2 GB) and
writes the table in docs/large-pictures.md; each figure is measured in its own process. Needs imagecodecs in
addition to the packages of the tests.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyvips
from gigapixel import PAGE, make

from cdtnet.system.machine import peak_memory

WIDTH, HEIGHT, BAND = 16384, 15360, 256
LIBRARIES = ("libvips", "tifffile", "tifffile and imagecodecs")
TILES = {"tile": True, "tile_width": 256, "tile_height": 256}
FILES = {
    "strips, uncompressed": {},
    "tiles, uncompressed": TILES,
    "strips, deflate": {"compression": "deflate", "predictor": "horizontal"},
    "tiles, deflate": {"compression": "deflate", "predictor": "horizontal", **TILES},
    "tiles, LZW": {"compression": "lzw", "predictor": "horizontal", **TILES},
    "tiles, JPEG": {"compression": "jpeg", **TILES},
}
WRITING = "written: deflate, predictor"
PLACE = re.compile(r"(<!-- libraries -->\n).*(<!-- end libraries -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="where there is room (default: where temporary files go)")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(*arguments.child)))
        return
    lines = [f"| | {' | '.join(LIBRARIES)} |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        make(Path(folder), WIDTH, HEIGHT)
        source = f"{folder}/composite.tif"
        for name, options in FILES.items():
            path = f"{folder}/file.tif"
            pyvips.Image.new_from_file(source, access="sequential").tiffsave(path, **options)
            lines.append(f"| {name} | {' | '.join(cell(library, 'read', path) for library in LIBRARIES)} |")
            print(lines[-1], file=sys.stderr)
        lines.append(f"| {WRITING} | {' | '.join(cell(lib, 'write', source) for lib in LIBRARIES)} |")
    table = "\n".join([*lines, ""])
    PAGE.write_text(PLACE.sub(rf"\1{table}\2", PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def cell(library: str, task: str, path: str) -> str:
    """Return seconds and megabytes, measured in another process."""
    command = [sys.executable, __file__, "--child", library, task, path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return "cannot" if "imagecodecs" in done.stderr else "fails"
    found = json.loads(done.stdout)
    return f"{found['seconds']:.1f} s, {found['peak']:.0f} MB"


def measure(library: str, task: str, path: str) -> dict[str, float]:
    """Read a file from top to bottom, or write a copy; return processor time and peak memory."""
    if library == "tifffile":
        sys.modules["imagecodecs"] = None  # type: ignore[assignment]
    elif library != "libvips":
        import imagecodecs  # noqa: F401
    import tifffile

    start = time.process_time()
    if task == "read":
        for band in bands_of_vips(path) if library == "libvips" else bands_of_tifffile(tifffile, path):
            band[::16, ::16].sum()
        return {"seconds": time.process_time() - start, "peak": peak_memory() / 1e6}
    read = 0.0

    def bands() -> Iterator[np.ndarray]:
        nonlocal read
        source = bands_of_vips(path)
        while True:
            begun = time.thread_time()
            band = next(source, None)
            read += time.thread_time() - begun
            if band is None:
                return
            yield band

    if library == "libvips":
        from cdtnet import Picture
        from cdtnet.imaging.assembling import write_bands

        whole = np.broadcast_to(np.uint8(0), (HEIGHT, WIDTH, 3))
        with open(f"{path}.out", "wb") as stream:
            write_bands(stream, Picture(whole), bands())
    else:
        tiles = (band[:, x : x + 256] for band in bands() for x in range(0, WIDTH, 256))
        options = {"tile": (256, 256), "photometric": "rgb", "compression": "zlib", "predictor": True}
        shape = (HEIGHT, WIDTH, 3)
        tifffile.imwrite(f"{path}.out", tiles, shape=shape, dtype=np.uint8, maxworkers=1, **options)
    return {"seconds": time.process_time() - start - read, "peak": peak_memory() / 1e6}


def bands_of_vips(path: str) -> Iterator[np.ndarray]:
    region = pyvips.Region.new(pyvips.Image.new_from_file(path, access="sequential"))
    for top in range(0, HEIGHT, BAND):
        yield np.frombuffer(region.fetch(0, top, WIDTH, BAND), np.uint8).reshape(BAND, WIDTH, 3)


def bands_of_tifffile(tifffile: object, path: str) -> Iterator[np.ndarray]:
    with tifffile.TiffFile(path) as file:  # type: ignore[attr-defined]
        band, end = np.empty((BAND, WIDTH, 3), np.uint8), BAND
        for segment, (_, _, y, x, _), (_, rows, columns, _) in file.pages[0].segments(
            maxworkers=1, buffersize=1 << 22
        ):
            if y >= end:
                yield band
                end += BAND
            band[y % BAND : y % BAND + rows, x : x + columns] = segment[0]
        yield band


if __name__ == "__main__":
    main()
