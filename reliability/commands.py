"""Small inputs, the commands that write files, and processes of `cdtnet` that start quickly.

Processes are forked from one that has imported the package but not used it, which saves a second or two of
imports for each.
"""

import hashlib
import io
import multiprocessing
import os
import re
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from PIL import Image

TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}\.tmp")
OUT = "out"  # the folder of everything that is written
_IMPORTED = ("batch.rounds", "cli.main", "harmonizer", "engines.openvino", "model", "training.trainer")


class Command(NamedTuple):
    """A command that writes.

    Attributes:
        name: The subcommand.
        words: Its arguments; the working directory contains the files of `write_inputs`.
        output: The file that it replaces, or the folder that it fills.
    """

    name: str
    words: tuple[str, ...]
    output: str


_HARMONIZE = ("harmonize", "photo.png", "mask.png", "--model", "sim.safetensors", "-o")
COMMANDS = (
    Command("harmonize", (*_HARMONIZE, "out/a.png"), "out/a.png"),
    Command(
        "compose",
        (
            "compose",
            "object.png",
            "photo.png",
            "--no-harmonize",
            "-o",
            "out/b.tif",
            "--mask-output",
            "out/b.png",
        ),
        "out/b.tif",
    ),
    Command(
        "lut",
        ("lut", "photo.png", "mask.png", "--model", "sim.safetensors", "-o", "out/c.cube"),
        "out/c.cube",
    ),
    Command("convert", ("convert", "sim.safetensors", "out/d.safetensors", "--half"), "out/d.safetensors"),
)
BATCH = Command(
    "batch", ("batch", "in", "out/batch", "--model", "sim.safetensors", "--workers", "2"), "out/batch"
)
TRAIN = Command(
    "train", ("train", "recipe.yaml", "-o", "out/run", "--device", "cpu", "--save-every", "0"), "out/run"
)


def write_inputs(folder: Path, pictures: int = 8) -> None:
    """Write the commands' inputs to a folder; its sub-folder `in` gets `pictures` composites for batches."""
    from cdtnet.model import load_model
    from cdtnet.weights import write_weights

    random = np.random.default_rng(0)
    write_weights(folder / "sim.safetensors", load_model("cdtnet-sim", base_size=64), {})
    _save(folder / "photo.png", random.integers(0, 256, (500, 800, 3)))
    _save(folder / "object.png", random.integers(0, 256, (120, 160, 4)))
    mask = np.zeros((500, 800))
    mask[200:260, 300:380] = 255
    _save(folder / "mask.png", mask)
    _save(folder / "other_mask.png", mask[180:380, 200:500])
    for k in range(pictures):
        _save(folder / "in" / f"p{k}.png", random.integers(0, 256, (200, 300, 3)))
        _save(folder / "in" / f"p{k}_mask.png", mask[150:350, 250:550])
    for source in ("here", "held out"):
        for k in range(3):
            coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3)).astype(np.uint8))
            _save(folder / "photos" / source / f"{k}.png", np.asarray(coarse.resize((64, 48))))
    stage: dict[str, Any] = {"trains": ["generator"], "size": 16, "base_size": 16, "batch": 4}
    recipe = {
        "about": "A run to be killed.",
        "model": {"variant": "is2am", "base_size": 16},
        "data": {"kind": "photos", "photos": "photos", "held_out": ["held out"], "validation": 1},
        "stages": [{**stage, "samples": 24, "average": True}, {**stage, "samples": 8}],
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (folder / OUT).mkdir()


def _save(path: Path, pixels: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels).astype(np.uint8)).save(path)


def digests(folder: Path) -> dict[str, str]:
    """Return the path and content of each file except those in OUT."""
    files = (path for path in folder.rglob("*") if path.is_file())
    inputs = (path for path in files if path.relative_to(folder).parts[0] != OUT)
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in inputs}


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files of a process that was killed or is running."""
    return [path for path in folder.rglob(".*") if TEMPORARY.fullmatch(path.name)]


class Run:
    """A process of `cdtnet` that is already running when the constructor returns.

    Args:
        words: The arguments.
        folder: The working directory.
        limit: The largest size of a file in bytes, to imitate a full disk.

    Attributes:
        process: The process.
    """

    def __init__(self, words: tuple[str, ...], folder: Path, limit: int | None = None) -> None:
        # The resource tracker warns about the semaphores of killed processes, which it removes.
        os.environ["PYTHONWARNINGS"] = "ignore::UserWarning:multiprocessing.resource_tracker"
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([f"cdtnet.{name}" for name in _IMPORTED])
        self._log = folder.with_name(f"{folder.name}.log")
        begun, begins = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(
            target=_run, args=(words, str(folder), str(self._log), limit, begins)
        )
        self.process.start()
        begins.close()
        begun.recv()
        begun.close()

    def end(self, seconds: float = 120) -> int:
        """Wait for the process; return its exit code, or minus the number of the signal that killed it.

        Raises:
            TimeoutError: The process does not end.
        """
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            raise TimeoutError(f"A process hung: {self.said()}")
        return self.process.exitcode

    def said(self) -> str:
        """Return what the process has written to stdout and stderr."""
        return self._log.read_text(errors="replace")


def _run(words: tuple[str, ...], folder: str, log: str, limit: int | None, begins: Any) -> None:
    import resource

    from cdtnet.cli.main import main

    os.chdir(folder)
    stream = open(log, "wb", buffering=0)  # noqa: SIM115 - until the end
    for number in (1, 2):
        os.dup2(stream.fileno(), number)
    sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(n, "wb", 0), write_through=True) for n in (1, 2))
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    begins.send(None)
    begins.close()
    try:
        code = main(words)
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
    os._exit(code)
