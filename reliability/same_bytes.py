"""Check that the same input, version and engine give the same bytes, and that engines agree within bounds.

    python reliability/same_bytes.py [--short]

Example composites in each bit depth, with and without a color profile and alpha, are harmonized in several
ways. Results that must be the same are compared bit by bit; others must be within the bounds of
docs/engines.md.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from composites import Input, make_inputs
from numpy.typing import NDArray

from cdtnet import Harmonizer, Picture
from cdtnet.imaging import read_picture, write_picture
from cdtnet.inference import streaming

Results = dict[str, NDArray[Any]]


class Kind(NamedTuple):
    """A model, engine and precision."""

    model: str
    engine: str
    precision: str

    def open(self, threads: int | None = None) -> Harmonizer:
        """Set the number of PyTorch's threads."""
        return Harmonizer(self.model, "cpu", engine=self.engine, precision=self.precision, threads=threads)


KINDS = (
    Kind("cdtnet-256", "openvino", "float32"),
    Kind("cdtnet-256", "openvino", "bfloat16"),
    Kind("cdtnet-256", "openvino", "int8"),
    Kind("cdtnet-sim", "openvino", "float32"),
    Kind("is2am", "openvino", "float32"),
    Kind("cdtnet-256", "pytorch", "float32"),
    Kind("cdtnet-256", "pytorch", "bfloat16"),
)


class Row(NamedTuple):
    """A comparison: what varied, how many pictures stayed the same, and the largest difference in 0..1."""

    kind: Kind
    varied: str
    pictures: int
    same: int
    furthest: float
    kept: bool


def main() -> int:
    """Print the table; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--short", action="store_true", help="three small pictures, the first kind")
    parser.add_argument(
        "--only", nargs=4, metavar=("MODEL", "ENGINE", "PRECISION", "FILE"), help=argparse.SUPPRESS
    )
    arguments = parser.parse_args()
    if arguments.only:
        kind = Kind(*arguments.only[:3])
        _set_threads(kind, 1)
        np.savez(arguments.only[3], **run(kind.open(), make_inputs(short=arguments.short)))
        return 0
    kinds = KINDS[:1] if arguments.short else KINDS
    print("| model | engine | precision | what differs | pictures | the same bytes | furthest apart | |")
    print("|---|---|---|---|---|---|---|---|")
    broken = 0
    for row in (row for kind in kinds for row in rows(kind, short=arguments.short or kind != KINDS[0])):
        broken += not row.kept
        apart = f"{row.furthest:.1e}" if row.furthest else "–"
        verdict = "" if row.kept else "**broken**"
        print(
            f"| {' | '.join(row.kind)} | {row.varied} | {row.pictures} | {row.same} | {apart} | {verdict} |",
            flush=True,
        )
    return 1 if broken else 0


def run(machine: Harmonizer, inputs: dict[str, Input]) -> Results:
    """Return the pixels of each result."""
    return {name: machine(*given).image.pixels for name, given in inputs.items()}


def rows(kind: Kind, *, short: bool) -> Iterator[Row]:
    """Return all comparisons of one kind."""
    inputs, machine = make_inputs(short=short), kind.open(1)
    _set_threads(kind, 1)
    expected = run(machine, inputs)
    exact = kind.engine == "openvino"

    def row(varied: str, found: Results, *, exact: bool = True) -> Row:
        same = sum(expected[name].tobytes() == pixels.tobytes() for name, pixels in found.items())
        apart = max(_apart(expected[name], pixels) for name, pixels in found.items())
        near = all(_near(kind, expected[name], pixels) for name, pixels in found.items())
        kept = same == len(found) if exact else near
        return Row(kind, varied, len(found), same, apart, kept)

    yield row("again, in the opposite order", run(machine, dict(reversed(inputs.items()))))
    yield row("four pictures at a time", _at_once(machine, inputs))
    for threads in (2,) if short else (2, 3):
        _set_threads(kind, threads)
        yield row(f"{threads} threads instead of 1", run(kind.open(threads), inputs), exact=exact)
    _set_threads(kind, 1)
    for tile in (100,) if short else (64, 100, 512):
        yield row(
            f"tiles of {tile} instead of {machine.engine.tile}", _tiled(machine, inputs, tile), exact=exact
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield row("another process", _elsewhere(kind, folder, short=short))
        if exact:
            yield row("streamed from file to file", _streamed(machine, inputs, folder))
            yield row("cdtnet batch", _batch(kind, inputs, folder))
        if not short:
            yield row("vectors of AVX2", _elsewhere(kind, folder, short=short, isa="AVX2"), exact=False)
    if not exact:
        yield _against(kind, inputs, expected, engine="openvino")
    elif kind.precision != "float32":
        yield _against(kind, inputs, expected, precision="float32")


def _set_threads(kind: Kind, threads: int) -> None:
    if kind.engine == "pytorch":
        import torch

        torch.set_num_threads(threads)


def _at_once(machine: Harmonizer, inputs: dict[str, Input]) -> Results:
    with ThreadPoolExecutor(4) as pool:
        images = pool.map(lambda given: machine(*given).image.pixels, inputs.values())
        return dict(zip(inputs, images, strict=True))


def _tiled(machine: Harmonizer, inputs: dict[str, Input], tile: int) -> Results:
    before, machine.engine.tile = machine.engine.tile, tile
    try:
        return run(machine, inputs)
    finally:
        machine.engine.tile = before


def _elsewhere(kind: Kind, folder: Path, *, short: bool, isa: str | None = None) -> Results:
    file = folder / "results.npz"
    command = [sys.executable, __file__, "--only", *kind, str(file), *(["--short"] if short else [])]
    subprocess.run(command, check=True, env={**os.environ, **({"ONEDNN_MAX_CPU_ISA": isa} if isa else {})})
    with np.load(file) as stored:
        return dict(stored)


def _streamed(machine: Harmonizer, inputs: dict[str, Input], folder: Path) -> Results:
    """Return the results read from files as if the pictures were too large for memory."""
    before, found = streaming.LARGE, {}
    streaming.LARGE = 0
    try:
        for name, (picture, mask) in inputs.items():
            write_picture(picture, folder / "in.tif")
            write_picture(Picture(mask[..., None]), folder / "mask.tif")
            machine.to_file(folder / "in.tif", folder / "mask.tif", folder / "out.tif")
            found[name] = read_picture(folder / "out.tif").pixels
    finally:
        streaming.LARGE = before
    return found


def _batch(kind: Kind, inputs: dict[str, Input], folder: Path) -> Results:
    source, out = folder / "in", folder / "out"
    source.mkdir()
    for name, (picture, mask) in inputs.items():
        write_picture(picture, source / f"{name}.tif")
        write_picture(Picture(mask[..., None]), source / f"{name}_mask.png")
    options = [
        "--model",
        kind.model,
        "--engine",
        kind.engine,
        "--precision",
        kind.precision,
        "--workers",
        "2",
    ]
    command = [sys.executable, "-m", "cdtnet", "batch", str(source), str(out), *options, "--device", "cpu"]
    subprocess.run(command, check=True, capture_output=True)
    return {name: read_picture(out / f"{name}.tif").pixels for name in inputs}


def _against(kind: Kind, inputs: dict[str, Input], found: Results, **other: str) -> Row:
    """Compare with another engine or precision; only sRGB pictures, because profiles amplify differences."""
    expected = run(kind._replace(**other).open(1), inputs)
    names = [name for name, (picture, _) in inputs.items() if not picture.metadata.icc]
    same = sum(expected[name].tobytes() == found[name].tobytes() for name in names)
    kept = all(_within(kind, expected[name], found[name], inputs[name][1]) for name in names)
    furthest = max(_apart(expected[name], found[name]) for name in names)
    return Row(kind, f"instead of {' '.join(other.values())}", len(names), same, furthest, kept)


def _within(kind: Kind, expected: NDArray[Any], found: NDArray[Any], mask: NDArray[np.uint8]) -> bool:
    apart = np.abs(expected[mask > 0].astype(np.float64) - found[mask > 0])
    if kind.precision == "float32":
        return bool(apart.max() <= {"u": 1, "f": 1e-5}[expected.dtype.kind])
    if expected.dtype != np.uint8:
        return True  # only computed in less than float32 on request
    decibels = 10 * np.log10(255**2 / max((apart**2).mean(), 1e-9))
    return bool((apart.max(1) <= 1).mean() >= 0.999 and apart.max() <= 3 and decibels >= 55)


def _apart(a: NDArray[Any], b: NDArray[Any]) -> float:
    top = np.iinfo(a.dtype).max if a.dtype.kind == "u" else 1
    return float(np.abs(a.astype(np.float64) - b).max() / top)


def _near(kind: Kind, a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return whether two results of one kind differ only by rounding, which profiles amplify."""
    allowed = 1e-4 if kind.precision == "float32" else 2e-3
    return _apart(a, b) <= (1.001 / 255 if a.dtype == np.uint8 else allowed)


if __name__ == "__main__":
    sys.exit(main())
