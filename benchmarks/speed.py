"""Measure the time and memory of every method that can run, by size of picture and foreground.

python benchmarks/speed.py writes docs/speed.md and docs/speed.png, in about ten minutes on two idle cores.
--peers PATH adds other networks whose code is in that folder. --all measures every method at every size and
foreground, which takes hours. Each measurement runs in its own process.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from speed_cell import METHODS, Cell, pasted
from speed_machine import Machine
from speed_page import Command, Key, Measured, page
from speed_peers import PEERS, peers
from speed_plot import plot
from tqdm import tqdm

from cdtnet import Picture

HERE = Path(__file__).parent
SIZES = {
    "256²": (256, 256),
    "1024²": (1024, 1024),
    "2048²": (2048, 2048),
    "12 MP": (3000, 4000),
    "24 MP": (4000, 6000),
    "100 MP": (8700, 11500),
}
SHARES = (0.086, 0.01, 0.3, 1.0)  # the first is the median of HAdobe5k
OURS = tuple(name for name in METHODS if name.endswith(("OpenVINO", "OpenVINO int8")))
COMMANDS = {
    "`cdtnet --help`": None,
    "a 1024² JPEG": SIZES["1024²"],
    "a 24 MP JPEG": SIZES["24 MP"],
}
REPEATED = 3  # runs of each command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="to try the benchmark out: little, and once")
    parser.add_argument("--all", action="store_true", help="every method at every size and foreground")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, metavar="SIZE", help=", ".join(SIZES))
    parser.add_argument("--foregrounds", nargs="+", type=float, metavar="SHARE", help="0 to 1, such as 0.086")
    parser.add_argument("--methods", nargs="+", choices=METHODS, metavar="METHOD", help="; ".join(METHODS))
    parser.add_argument("--peers", help="folder of other networks' repositories; see speed_peers.py")
    parser.add_argument("--seconds", type=float, help="for a measurement; what takes longer is given up")
    parser.add_argument("--runs", type=int, help="warm runs, of which the median counts")
    parser.add_argument("--output", type=Path, default=HERE.parent / "docs")
    arguments = parser.parse_args()
    seconds = arguments.seconds or (600 if arguments.all else 30)
    runs = arguments.runs or (1 if arguments.quick else 5)
    machine = Machine(**child("speed_machine.py"))
    if arguments.peers:
        os.environ[PEERS] = str(Path(arguments.peers).resolve())
        METHODS.update(peers())
    tasks = [key for key in product(METHODS, SIZES, SHARES) if wanted(key, arguments)]
    cells = dict(measure(tasks, runs, seconds))
    measured = Measured(machine, cells, list(commands(1 if arguments.quick else REPEATED)), SIZES, seconds)
    words = shlex.join(["python", "benchmarks/speed.py", *sys.argv[1:]])
    (arguments.output / "speed.md").write_text(page(measured, words), encoding="utf-8")
    plot(measured, arguments.output / "speed.png")


def wanted(key: Key, arguments: argparse.Namespace) -> bool:
    """Return whether to measure this; by default, what the targets need and a curve for each method."""
    method, size, share = key
    asked = (
        (arguments.methods, method),
        (arguments.sizes, size),
        (arguments.foregrounds, share),
    )
    if any(names and value not in names for names, value in asked):
        return False
    if arguments.quick:
        return size in ("256²", "1024²") and share == SHARES[0]
    if size == "100 MP" and method not in OURS:
        return False
    if arguments.all or any(names for names, _ in asked):
        return True
    return (share == SHARES[0] and size not in ("12 MP", "100 MP")) or (method == OURS[0] and size == "24 MP")


def measure(tasks: Sequence[Key], runs: int, seconds: float) -> Iterator[tuple[Key, Cell | str]]:
    """Yield each measurement, or why there is none; sizes above one that failed are not tried."""
    failed: dict[tuple[str, float], str] = {}
    for method, size, share in tqdm(tasks, unit=" measurements"):
        reason = failed.get((method, share))
        if reason is None:
            task = [method, *SIZES[size], share, runs, seconds]
            try:
                yield (method, size, share), Cell(**child("speed_cell.py", task, timeout=2 * seconds))
                continue
            except subprocess.TimeoutExpired:
                reason = failed[method, share] = f"over {2 * seconds:.0f} s"
            except subprocess.CalledProcessError as error:
                if error.returncode > 0 and not any(word in error.stderr for word in ("emory", "primitive")):
                    raise RuntimeError(error.stderr) from error
                reason = failed[method, share] = "too little memory"
        yield (method, size, share), reason


def commands(repeated: int) -> Iterator[Command]:
    """Time whole commands, each in a new process; another process measures their stages."""
    with tempfile.TemporaryDirectory() as folder:
        for label, size in COMMANDS.items():
            words, stages = ["--help"], []
            if size:
                files = [str(Path(folder, name)) for name in ("composite.jpg", "mask.png", "out.jpg")]
                composite, mask = pasted(*size, SHARES[0])
                Picture(composite).save(files[0])
                Picture(mask[..., None]).save(files[1])
                words = ["harmonize", *files[:2], "-o", files[2]]
                stages = child("speed_command.py", [time.perf_counter(), *files])
            times = []
            for _ in range(repeated):
                start = time.perf_counter()
                subprocess.run([sys.executable, "-m", "cdtnet", *words], check=True, capture_output=True)
                times.append(time.perf_counter() - start)
            yield Command(label, statistics.median(times), stages)


def child(script: str, task: Any = None, timeout: float | None = None) -> Any:
    """Run a script of this folder in its own process, and return its output."""
    command = [sys.executable, "-W", "ignore", str(HERE / script), json.dumps(task)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=timeout)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
