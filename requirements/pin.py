"""Pin the packages of the checks by hash (requirements/*.txt), and of users by version (constraints.txt).

    python requirements/pin.py             # pins new requirements of pyproject.toml; pinned ones stay
    python requirements/pin.py --upgrade   # takes the newest versions of everything
    python requirements/pin.py --check     # checks that constraints.txt agrees with them; no network

The first two ask the package index and need uv (pip install --require-hashes -r requirements/tools.txt).
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CONSTRAINTS = FOLDER.parent / "constraints.txt"
PYTHON = "3.10"  # the oldest in pyproject.toml; newer ones get lines of their own where needed

# Builds the package, and pyvips, which has no wheels. Installed first, or pip would fetch it unpinned.
BUILD = ["editables", "hatchling>=1.26", "setuptools>=61", "cffi", "pkgconfig"]
TOOLS = ["pip-audit", "uv"]
TORCH = re.compile("nvidia-|cuda-|triton==|torch==")  # its default wheel for Linux wants CUDA

Pins = dict[str, list[str]]
"""Hashes of every file of a version, by the line that pins it: "numpy==2.2.6 ; python_version < '3.11'"."""


def read(text: str) -> Pins:
    """Read the pins of a requirements file."""
    pins: Pins = {}
    for line in text.splitlines():
        if line and line[0] not in " #":
            latest = pins[line.removesuffix(" \\")] = []
        elif "--hash=" in line:
            latest.append(line.strip(" \\").removeprefix("--hash="))
    return pins


def write(name: str, pins: Pins, title: str) -> None:
    """Write pins as a requirements file."""
    entries = [" \\\n".join([pin, *(f"    --hash={value}" for value in pins[pin])]) for pin in sorted(pins)]
    text = "\n".join([f"# {title} Written by requirements/pin.py.", *entries, ""])
    (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")


def resolved(requirements: list[str], known: Pins) -> Pins:
    """Resolve requirements for all platforms and Pythons, with the known versions where they fit."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "pins.txt")
        output.write_text("".join(f"{pin}\n" for pin in known), encoding="utf-8")
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", PYTHON]
        command += ["--generate-hashes", "--no-annotate", "--no-header", "--output-file", str(output)]
        given = "".join(f"{requirement}\n" for requirement in requirements)
        subprocess.run([*command, "-"], input=given, text=True, cwd=FOLDER.parent, check=True)
        return read(output.read_text(encoding="utf-8"))


def current(name: str) -> Pins:
    """Read the current pins of one file."""
    return read((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))


def pinned() -> Pins:
    """Read all current pins except those of the tools."""
    return current("build") | current("check") | current("torch")


def constraints() -> str:
    """Return the content that constraints.txt should have."""
    title = "# Versions that pass all tests; with hashes in requirements/. Written by requirements/pin.py."
    return "".join(f"{line}\n" for line in [title, *sorted(pinned())])


def pin(upgrade: bool) -> None:
    """Write all files."""
    asked = ["-e ./[dev]", *BUILD]
    everything = resolved(asked, {} if upgrade else pinned())
    everything = {line: hashes for line, hashes in everything.items() if not line.startswith("-e")}
    torch = {line: hashes for line, hashes in everything.items() if TORCH.match(line)}
    check = {line: hashes for line, hashes in everything.items() if line not in torch}
    without_marker = {line.partition(" ;")[0]: line for line in check}
    build = [without_marker[line.partition(" ;")[0]] for line in resolved(BUILD, check)]
    write("build", {line: check[line] for line in build}, "What builds the package, and pyvips.")
    write("check", check, "What ./check installs, but for PyTorch.")
    write("torch", torch, "PyTorch as it is on PyPI, where its wheel for Linux wants CUDA.")
    write("tools", resolved(TOOLS, {} if upgrade else current("tools")), "What pins and audits.")
    CONSTRAINTS.write_text(constraints(), encoding="utf-8")


def problem() -> str | None:
    """Describe a disagreement of constraints.txt, requirements/ and the hand-written torch-cpu.txt."""
    if CONSTRAINTS.read_text(encoding="utf-8") != constraints():
        return "constraints.txt and requirements/ differ: run python requirements/pin.py."
    if [f"{line}+cpu" for line in current("torch") if line.startswith("torch==")] != list(
        current("torch-cpu")
    ):
        return (
            "torch-cpu.txt pins another PyTorch than torch.txt: copy its hashes from pytorch.org's CPU index."
        )
    return None


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="only say whether constraints.txt fits")
    arguments = parser.parse_args()
    if not arguments.check:
        pin(arguments.upgrade)
    sys.exit(problem())


if __name__ == "__main__":
    main()
