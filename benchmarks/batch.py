"""Measure the time and memory of batches, and compute what a million pictures cost.

python benchmarks/batch.py writes docs/batch-figures.md, in about half an hour on two idle cores. The pictures
for the memory have 32×32 pixels, and the network analyzes 64×64 instead of 256×256, to save hours.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
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
MODELS = ("cdtnet-256", "cdtnet-sim")
CORES, PRICE = 64, 0.05  # of a cluster, and dollars per core hour
SCALED = (1024, 1024), 20  # size and number of the pictures for the throughput
MARKS = (100, 1000, 2500, 5000, 7500, 10000)

Times = dict[tuple[str, tuple[int, int]], tuple[float, float]]  # by model and size: in a batch, separate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000, help="for the memory")
    parser.add_argument("--repeats", type=int, default=5, help="pictures of each size")
    arguments = parser.parse_args()
    cores = f"{available_cores()} core{'s' * (available_cores() > 1)}, {platform.machine()}, {date.today()}"
    lines = ["# Batches: time and memory", "", f"`python benchmarks/batch.py`, {cores}."]
    times = {(model, size): times_of(model, size, arguments.repeats) for size in SIZES for model in MODELS}
    lines += ["", *per_picture(times, arguments.repeats), "", *million(times), "", *throughput()]
    with tempfile.TemporaryDirectory() as folder:
        lines += ["", *memory(Path(folder), arguments.pictures)]
    (DOCS / "batch-figures.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def times_of(model: str, size: tuple[int, int], repeats: int) -> tuple[float, float]:
    """Return the processor seconds of a picture in a batch, without the start, and as a separate command."""
    seconds = []
    for count in (1, repeats + 1):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "in", *size, count, ".jpg")
            seconds.append(cpu_time(command(Path(folder), model, "--workers", "1")))
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "in", *size, 1, ".jpg")
        options = ["0.jpg", "mask.png", "--output", "out.jpg", "--model", model, "--device", "cpu"]
        alone = cpu_time([sys.executable, "-m", "cdtnet", "harmonize", *options], f"{folder}/in")
    print(model, size, seconds, alone, file=sys.stderr)
    return (seconds[1] - seconds[0]) / repeats, alone


def cpu_time(words: Sequence[str], folder: str | None = None) -> float:
    """Return the processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def per_picture(times: Times, repeats: int) -> list[str]:
    """Return the table of processor time per picture."""
    what = (
        f"Processor time per picture from file to file, JPEG to JPEG, {SHARE:.0%} foreground: in a batch "
        f"with one worker (the time of {repeats + 1} pictures minus that of one, divided by {repeats}), and "
        "as a separate command for each picture."
    )
    lines = [
        what,
        "",
        "| size | model | in a batch | separate commands | ratio |",
        "|---|---|---|---|---|",
    ]
    for (model, (width, height)), (batch, alone) in times.items():
        lines.append(f"| {width}×{height} | {model} | {batch:.2f} s | {alone:.2f} s | {alone / batch:.1f}× |")
    return lines


def million(times: Times) -> list[str]:
    """Return the table of what a million pictures cost."""
    lines = [
        f"Cost of a million pictures in batches, on {CORES} cores at ${PRICE} per core hour (an assumption):",
        "",
        f"| size | model | processor time | on {CORES} cores | price |",
        "|---|---|---|---|---|",
    ]
    for (model, (width, height)), (batch, _) in times.items():
        hours = batch * 1e6 / 3600
        lines.append(
            f"| {width}×{height} | {model} | {hours:,.0f} core hours | {hours / CORES:.1f} h "
            f"| ${hours * PRICE:,.0f} |"
        )
    return lines


def throughput() -> list[str]:
    """Measure pictures per second on one core, on all, and by Ray."""
    (width, height), count = SCALED
    cores = available_cores()
    lines = [
        f"Pictures of {width}×{height} per second, without the start (time of {count} further ones):",
        "",
        f"| model | 1 core | {cores} cores | {cores} cores, Ray |",
        "|---|---|---|---|",
    ]
    runs: tuple[tuple[int, Sequence[str]], ...] = (
        (1, ("--workers", "1")),
        (cores, ("--workers", str(cores))),
        (cores, ("--ray", "local", "--workers", str(cores))),
    )
    for model in MODELS:
        rates = []
        for used, options in runs:
            few, many = (wall_time(model, used, number, options) for number in (4, 4 + count))
            rates.append(f"{count / (many - few):.2f} /s")
        lines.append(f"| {model} | {' | '.join(rates)} |")
        print(lines[-1], file=sys.stderr)
    return lines


def wall_time(model: str, cores: int, count: int, options: Sequence[str]) -> float:
    """Return the seconds of a batch on some of the cores."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "in", *SCALED[0], count, ".jpg")
        start = time.perf_counter()
        subprocess.run(
            ["taskset", "-c", ",".join(map(str, chosen)), *command(Path(folder), model, *options)],
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - start


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
    words = command(folder, str(weights), "--workers", "2")
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
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


def command(folder: Path, model: str, *options: str) -> list[str]:
    mask = str(folder / "in" / "mask.png")
    choices = ["--mask", mask, "--model", model, "--device", "cpu", *options]
    return [sys.executable, "-m", "cdtnet", "batch", str(folder / "in"), str(folder / "out"), *choices]


def make(folder: Path, width: int, height: int, count: int, suffix: str) -> None:
    """Write a folder of copies of one photograph with a part that is too dark, and a mask for all."""
    folder.mkdir()
    photo = pyvips.Image.thumbnail(str(PHOTO), width, height=height, size="force").numpy()
    mask = np.zeros((height, width, 1), np.uint8)
    rows, columns = round(height * SHARE**0.5), round(width * SHARE**0.5)
    part = slice(height // 4, height // 4 + rows), slice(width // 4, width // 4 + columns)
    photo[part] = photo[part] * np.float32(0.8)
    mask[part] = 255
    for k in range(count):
        cdtnet.Picture(photo).save(folder / f"{k}{suffix}")
    cdtnet.Picture(mask).save(folder / "mask.png")


if __name__ == "__main__":
    main()
