"""Measure the memory of a batch of ten thousand pictures, and the processor time per picture by size.

python benchmarks/batch.py writes docs/batch-figures.md; pin it to one core (taskset -c 0) for a core.
The ten thousand pictures have 32×32 pixels and the network analyzes 64×64 instead of 256×256, to save hours.
"""

import argparse
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyvips

import cdtnet
from cdtnet.system.machine import available_cores, read_bytes
from cdtnet.weights import write_weights

DOCS = Path(__file__).parents[1] / "docs"
PHOTO = Path(__file__).parents[1] / "src/cdtnet/demo/composite.jpg"
SIZES = ((256, 256), (1024, 1024), (2048, 2048), (4000, 3000), (6000, 4000))  # width, height
SHARE = 0.1  # of a picture that is foreground
MARKS = (100, 1000, 2500, 5000, 7500, 10000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5, help="pictures of each size")
    arguments = parser.parse_args()
    cores = f"{available_cores()} core{'s' * (available_cores() > 1)}, {platform.machine()}, {date.today()}"
    lines = [
        "# Batches: time and memory",
        "",
        f"`python benchmarks/batch.py`, {cores}.",
        "",
        *speed(arguments.repeats),
    ]
    with tempfile.TemporaryDirectory() as folder:
        lines += ["", *memory(Path(folder), arguments.pictures)]
    (DOCS / "batch-figures.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def speed(repeats: int) -> list[str]:
    """Measure the processor time per picture, without the start of the command."""
    what = (
        f"Processor time per picture from file to file, JPEG to JPEG, {SHARE:.0%} foreground, one worker: "
        f"the time of {repeats + 1} pictures minus that of one, divided by {repeats}."
    )
    lines = [what, "", "| size | CDTNet-256 | CDTNet-sim |", "|---|---|---|"]
    for width, height in SIZES:
        cells = []
        for model in ("cdtnet-256", "cdtnet-sim"):
            first, all_ = (cpu_time(model, width, height, count) for count in (1, repeats + 1))
            cells.append(f"{(all_ - first) / repeats:.2f} s")
        lines.append(f"| {width}×{height} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr)
    return lines


def cpu_time(model: str, width: int, height: int, count: int) -> float:
    """Return the processor seconds of a batch of several copies of a photograph."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "in", width, height, count, ".jpg")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command(Path(folder), model, "1"), check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def memory(folder: Path, count: int) -> list[str]:
    """Measure the memory of the process while it processes many tiny pictures."""
    weights = folder / "small.safetensors"
    write_weights(weights, cdtnet.load_model("cdtnet-256", base_size=64), {})
    make(folder / "in", 32, 32, count, ".png")
    lines = [
        f"Memory of the process (VmRSS) while it processes {count:,} pictures of 32×32 pixels:",
        "",
        "| pictures done | memory |",
        "|---|---|",
    ]
    process = subprocess.Popen(command(folder, str(weights), "2"), stdout=subprocess.DEVNULL)
    status, table = Path(f"/proc/{process.pid}/status"), folder / "out" / "results.jsonl"
    marks = [mark for mark in MARKS if mark < count] + [count - 10]
    while marks and process.poll() is None:
        done = table.read_bytes().count(b"\n") if table.exists() else 0
        if done >= marks[0]:
            marks.pop(0)
            lines.append(f"| {done:,} | {read_bytes(status, 'VmRSS') / 1e6:.0f} MB |")
            print(lines[-1], file=sys.stderr)
        time.sleep(0.05)
    assert process.wait() == 0
    return lines


def command(folder: Path, model: str, workers: str) -> list[str]:
    options = [
        "--mask",
        str(folder / "in" / "mask.png"),
        "--model",
        model,
        "--workers",
        workers,
        "--device",
        "cpu",
    ]
    return [sys.executable, "-m", "cdtnet", "batch", str(folder / "in"), str(folder / "out"), *options]


def make(folder: Path, width: int, height: int, count: int, suffix: str) -> None:
    """Write a folder of copies of one photograph, and a mask for all."""
    folder.mkdir()
    photo = pyvips.Image.thumbnail(str(PHOTO), width, height=height, size="force")
    data = photo.write_to_buffer(suffix)
    for k in range(count):
        (folder / f"{k}{suffix}").write_bytes(data)
    mask = np.zeros((height, width, 1), np.uint8)
    rows, columns = round(height * SHARE**0.5), round(width * SHARE**0.5)
    mask[height // 4 : height // 4 + rows, width // 4 : width // 4 + columns] = 255
    cdtnet.Picture(mask).save(folder / "mask.png")


if __name__ == "__main__":
    main()
