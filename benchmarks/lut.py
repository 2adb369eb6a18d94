"""Measure the error of a table's size and of the interpolation in other programs, on the example foregrounds.

python benchmarks/lut.py writes docs/lut-precision.md.
"""

import os
import platform
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import PyOpenColorIO
from numpy.typing import NDArray

from cdtnet import Harmonizer
from cdtnet.imaging import read_picture

ROOT = Path(__file__).parents[1]
PICTURES = {
    "demo": ("src/cdtnet/demo/composite.jpg", "src/cdtnet/demo/mask.png"),
    **{
        name: (f"examples/photos/{name}_composite.jpg", f"examples/photos/{name}_mask.png")
        for name in ("bird", "dogs", "drum")
    },
}
INTERPOLATIONS = {
    "trilinear": PyOpenColorIO.INTERP_LINEAR,
    "tetrahedral": PyOpenColorIO.INTERP_TETRAHEDRAL,
}
SIZES = (17, 33, 65)


def main() -> None:
    errors = {(size, name): list[NDArray]() for size in SIZES for name in INTERPOLATIONS}
    harmonizer = Harmonizer("cdtnet-sim", device="cpu")
    for composite, mask in PICTURES.values():
        lut = harmonizer(ROOT / composite, ROOT / mask).lut
        colors = read_picture(ROOT / composite).pixels[read_picture(ROOT / mask).pixels[..., 0] > 127]
        values = np.ascontiguousarray(colors, np.float32) / 255
        expected = np.clip(lut.apply(values), 0, 1) * 255
        for (size, name), found in errors.items():
            with tempfile.TemporaryDirectory() as folder:
                lut.save(f"{folder}/look.cube", size=size)
                applied = by_opencolorio(f"{folder}/look.cube", values.copy(), INTERPOLATIONS[name])
            found.append(np.abs(np.clip(applied, 0, 1) * 255 - expected).ravel())
    title = (
        "# Lookup table precision\n\n"
        f"Difference from CDTNet-sim in levels of 255, foregrounds of the {len(PICTURES)} example pictures, "
        f"by OpenColorIO {PyOpenColorIO.__version__}, {os.cpu_count()} cores, {platform.machine()}, "
        f"{date.today()}."
    )
    head = "| points per axis | interpolation | mean | 99.9 % of values below | largest |"
    lines = [title, "", "    python benchmarks/lut.py", "", head, "|---|---|---|---|---|"]
    for (size, name), found in errors.items():
        every = np.concatenate(found)
        cells = (
            size,
            name,
            *(f"{value:.2f}" for value in (every.mean(), np.quantile(every, 0.999), every.max())),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    (ROOT / "docs" / "lut-precision.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def by_opencolorio(path: str, values: NDArray, interpolation: PyOpenColorIO.Interpolation) -> NDArray:
    """Return the values (n,3), in 0..1, recolored."""
    transform = PyOpenColorIO.FileTransform(path, interpolation=interpolation)
    processor = PyOpenColorIO.Config.CreateRaw().getProcessor(transform)
    processor.getDefaultCPUProcessor().applyRGB(values)
    return values


if __name__ == "__main__":
    main()
