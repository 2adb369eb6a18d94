"""Run the tests that need no PyTorch on several Pythons, with the pinned, lowest and newest dependencies.

    pip install --require-hashes -r requirements/tools.txt
    python reliability/versions.py --python 3.10 3.13 --dependencies pinned lowest newest

Needs uv and the package index. `--python` takes versions or paths of interpreters; each run has its own
environment. `./check` runs the tests with PyTorch, on one Python.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import cdtnet.imaging

REPOSITORY = Path(__file__).resolve().parents[1]
OPTIONS = {"pinned": ["-c", "constraints.txt"], "lowest": ["--resolution", "lowest-direct"], "newest": []}
TOOLS = ["hypothesis", "jsonschema", "pillow", "pytest", "tifffile"]
TESTS = [
    "tests/batch",
    "tests/cli/test_batch.py",
    "tests/cli/test_compose.py",
    "tests/cli/test_lut.py",
    "tests/imaging",
    "--ignore=tests/imaging/test_cube_elsewhere.py",  # other software
    "tests/system/test_atomic.py",
    "tests/inference/test_result.py",
    "tests/inference/test_streaming.py",
    "tests/web/test_queue.py",
    "tests/web/api/test_serve.py",
    "tests/web/api/test_server.py",
]
DEMO = REPOSITORY / "src" / "cdtnet" / "demo"
APART = 1  # levels of 255 that the demo's picture may differ from the first environment's
SHOWN = ("numpy", "openvino", "pyvips", "starlette")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository."""
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )


def install(folder: str, python: str, dependencies: str) -> str:
    """Install the package, the server and the test tools into a new environment; return its interpreter."""
    name = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    interpreter = str(Path(folder, name))
    pip = ["uv", "pip", "install", "--quiet", "--python", interpreter]
    tools = OPTIONS["pinned"] if dependencies == "pinned" else []
    for command in (
        ["uv", "venv", "--quiet", "--python", python, folder],
        [*pip, *OPTIONS[dependencies], "--editable", ".[web]"],
        [*pip, *tools, *TOOLS],
    ):
        finished = run(*command)
        if finished.returncode:
            sys.exit(finished.stderr)
    return interpreter


def versions(interpreter: str, dependencies: str) -> list[str]:
    """Return the first cells of a row: the Python, the kind of versions, and the most important versions."""
    code = "import platform, importlib.metadata as m; print(platform.python_version(), *map(m.version, %r))"
    python, *found = run(interpreter, "-c", code % (SHOWN,)).stdout.split()
    return [python, dependencies, *found]


def demo(interpreter: str, folder: str) -> NDArray[np.generic]:
    """Return the demo's picture, harmonized."""
    output = Path(folder, "demo.png")
    pair = (str(DEMO / name) for name in ("composite.jpg", "mask.png"))
    finished = run(interpreter, "-m", "cdtnet", "harmonize", *pair, "-o", str(output))
    if finished.returncode:
        sys.exit(finished.stderr)
    return cdtnet.imaging.read_picture(output).pixels


def main() -> int:
    """Print the table; return 1 if a test failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--python", nargs="+", default=["3.10", "3.12", "3.13"], metavar="PYTHON")
    parser.add_argument("--dependencies", nargs="+", default=list(OPTIONS), choices=OPTIONS)
    parser.add_argument("tests", nargs="*", default=TESTS, help="all that need no PyTorch by default")
    arguments = parser.parse_args()
    columns = ["Python", "dependencies", *SHOWN, "demo differs by", "tests"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    failed, first = 0, None
    for python in arguments.python:
        for dependencies in arguments.dependencies:
            with tempfile.TemporaryDirectory() as folder:
                interpreter = install(folder, python, dependencies)
                picture = demo(interpreter, folder).astype(int)
                first = picture if first is None else first
                apart = int(np.abs(picture - first).max())
                tests = run(interpreter, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments.tests)
                failed += tests.returncode != 0 or apart > APART
                outcome = re.sub(r" in [\d.]+s.*", "", tests.stdout.strip().splitlines()[-1])
                cells = [*versions(interpreter, dependencies), str(apart), outcome]
                print(f"| {' | '.join(cells)} |", flush=True)
                if tests.returncode:
                    print(tests.stdout, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
