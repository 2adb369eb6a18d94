"""Measure the memory of harmonizing a 24-megapixel picture, for foregrounds of different sizes.

python benchmarks/memory.py [--model cdtnet-256] writes docs/memory.md; each row is measured in a new process.
"""

import argparse
import json
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np

from cdtnet.engines.opening import open_engine
from cdtnet.system.machine import peak_memory

DOCS = Path(__file__).parents[1] / "docs"
HEIGHT, WIDTH = 4000, 6000
SHARES = (0.01, 0.086, 1.0)  # 0.086 is the median of HAdobe5k
MEGABYTE = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="cdtnet-256")
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        print(json.dumps(measure(arguments.model, arguments.child)))
        return
    title = (
        f"# Memory\n\n{arguments.model}, {WIDTH}×{HEIGHT} 8-bit picture in memory, "
        f"{open_engine(arguments.model).describe()}, {platform.machine()}, {date.today()}. Memory is the "
        "peak of the process, without libraries, picture and mask."
    )
    head = "| foreground | memory above picture and mask | process in all |"
    lines = [title, "", "    python benchmarks/memory.py", "", head, "|---|---|---|"]
    for share in SHARES:
        command = [sys.executable, __file__, "--model", arguments.model, "--child", str(share)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        lines.append(f"| {100 * share:g} % | {row['above']:.0f} MB | {row['peak']:.0f} MB |")
        print(lines[-1], file=sys.stderr)
    (DOCS / "memory.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(model: str, share: float) -> dict[str, float]:
    """Harmonize one picture in this process."""
    from cdtnet import Harmonizer

    harmonizer = Harmonizer(model, device="cpu")
    small = np.zeros((300, 300, 3), np.uint8)
    harmonizer(small, np.full((300, 300), 255, np.uint8))  # warm up
    before = peak()
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    rows, columns = round(HEIGHT * share**0.5), round(WIDTH * share**0.5)
    mask[:rows, :columns] = 255
    given = (picture.nbytes + mask.nbytes) / MEGABYTE
    harmonizer(picture, mask)
    return {"above": peak() - before - given, "peak": peak()}


def peak() -> float:
    """Return the peak resident size of the process so far, in MB."""
    return peak_memory() / MEGABYTE


if __name__ == "__main__":
    main()
