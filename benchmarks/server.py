"""Measure the throughput, response times and memory of `cdtnet serve` under load.

python benchmarks/server.py [--seconds 30] drives a server with wrk (https://github.com/wg/wrk, which must
be installed) and writes docs/server-load.md. Every answer is compared with the right one.
"""

import argparse
import json
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image

from cdtnet.system.machine import available_cores

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "src" / "cdtnet" / "demo"
BOUNDARY = "benchmark-boundary"
SIDES = (1024, 2400)
MODEL = "cdtnet-256"
COLUMNS = (
    "width",
    "connections",
    "responses/s",
    "core-seconds per response",
    "median",
    "99 %",
    "refused with 429",
    "wrong or broken",
    "server's memory",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="of load for each row (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=max(1, round(available_cores() ** 0.5)))
    parser.add_argument("--queue", type=int, default=8)
    arguments = parser.parse_args()
    places = arguments.workers + arguments.queue
    title = (
        f"# Server load\n\n{MODEL}, {arguments.workers} workers, {arguments.queue} places in the queue, "
        f"cores: {available_cores()}, {platform.machine()}, {date.today()}. "
        f"The demo picture as JPEG, {' and '.join(map(str, SIDES))} pixels wide, posted repeatedly by "
        "wrk; every response was compared with the correct one. "
        "Refused clients wait for a second (Retry-After)."
    )
    command = shlex.join(["python", "benchmarks/server.py", *sys.argv[1:]])
    lines = [title, "", f"    {command}", "", f"| {' | '.join(COLUMNS)} |", "|---" * 9 + "|"]
    with tempfile.TemporaryDirectory() as folder, serving(arguments.workers, arguments.queue) as url:
        files = {side: prepare(Path(folder), side, url) for side in SIDES}
        for side in SIDES:
            for connections in (1, arguments.workers, places, 2 * places):
                before = busy_seconds(url)
                found = load(url, *files[side], connections, arguments.seconds)
                settle(url)
                busy, memory = busy_seconds(url) - before, metric(url, "process_resident_memory_bytes") / 1e6
                lines.append(row(side, connections, found, busy, memory))
                print(lines[-1], file=sys.stderr)
        lines += ["", endurance(url, list(files.values()), arguments.workers, arguments.seconds)]
    (ROOT / "docs" / "server-load.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def serving(workers: int, queue: int) -> Iterator[str]:
    """Yield the address of a server while it runs."""
    command = [sys.executable, "-m", "cdtnet", "serve", "--port", "0", "--model", MODEL, "--device", "cpu"]
    command += ["--workers", str(workers), "--queue", str(queue)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def prepare(folder: Path, side: int, url: str) -> tuple[Path, Path]:
    """Return files with a request's body and with the right answer."""
    parts = []
    for name, suffix in (("composite", "jpg"), ("mask", "png")):
        image = Image.open(DEMO / f"{name}.{suffix}")
        file = folder / f"{name}-{side}.{suffix}"
        image.resize((side, image.height * side // image.width)).save(file)
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        parts += [head.encode(), file.read_bytes(), b"\r\n"]
    body, expected = folder / f"body-{side}", folder / f"expected-{side}.jpg"
    body.write_bytes(b"".join(parts) + f"--{BOUNDARY}--\r\n".encode())
    command = [sys.executable, "-m", "cdtnet", "harmonize", "--model", MODEL, "--device", "cpu"]
    pictures = [str(folder / f"composite-{side}.jpg"), str(folder / f"mask-{side}.png"), "-o", str(expected)]
    subprocess.run([*command, *pictures], check=True, capture_output=True)
    load(url, body, expected, 2, 10)  # warm up
    return body, expected


def load(url: str, body: Path, expected: Path, connections: int, seconds: int) -> dict[str, Any]:
    """Return the report of wrk's script."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    script = str(ROOT / "benchmarks" / "server.lua")
    command += ["--timeout", "120s", "--script", script, f"{url}v1/harmonize", "--"]
    arguments = [str(body), f"multipart/form-data; boundary={BOUNDARY}", str(expected)]
    output = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
    found = re.search("^RESULT (.*)$", output, re.MULTILINE)
    assert found, output
    return json.loads(found[1])


def endurance(url: str, files: list[tuple[Path, Path]], workers: int, seconds: int) -> str:
    """Return a sentence about the memory over many answers to pictures of all sizes."""
    answers, memory = 0, list[str]()
    for _ in range(10):
        for body, expected in files:
            answers += load(url, body, expected, workers, seconds)["statuses"].get("200", 0)
        settle(url)
        memory.append(f"{metric(url, 'process_resident_memory_bytes') / 1e6:.0f}")
    return f"Memory after each tenth of {answers} further responses: {', '.join(memory)} MB."


def settle(url: str) -> None:
    """Wait until the server has dropped the requests that wrk left open."""
    while metric(url, "cdtnet_jobs_running") + metric(url, "cdtnet_jobs_waiting"):
        time.sleep(0.1)


def busy_seconds(url: str) -> float:
    """Return the processor seconds that the server has used."""
    return metric(url, "process_cpu_seconds_total")


def metric(url: str, name: str) -> float:
    """Return one of the server's metrics."""
    with urllib.request.urlopen(f"{url}metrics") as response:
        found = re.search(rf"^{name} (\S+)", response.read().decode(), re.MULTILINE)
    assert found
    return float(found[1])


def row(side: int, connections: int, found: dict[str, Any], busy: float, memory: float) -> str:
    """Return a row of the table; times are given only without refusals, which are fast."""
    statuses = found["statuses"]
    done, refused = statuses.get("200", 0), statuses.get("429", 0)
    wrong = sum(statuses.values()) - done - refused + found["wrong"] + found["broken"]
    times = "– | –" if refused or not done else f"{found['median']:.2f} s | {found['p99']:.2f} s"
    speed = f"{done / found['seconds']:.2f} | {busy / max(1, done):.2f}"
    share = refused / max(1, done + refused)
    return f"| {side} | {connections} | {speed} | {times} | {share:.0%} | {wrong} | {memory:.0f} MB |"


if __name__ == "__main__":
    main()
