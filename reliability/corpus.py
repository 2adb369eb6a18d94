"""Run `cdtnet harmonize` on unusual, hostile and broken pictures.

    python reliability/corpus.py --cuts 40

Each file is tried as a composite and as a mask, in its own process with limited memory and time: most in
forks of a process that has imported everything, a few in new ones. The command must write a picture, or end
with one clear sentence and exit code 1; and it must leave no file but the result.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import tifffile
from odd_files import odd_files
from odd_pictures import odd_pictures, photo, saved
from PIL import Image
from safetensors.numpy import save
from specimen import EITHER, PICTURE, SENTENCE, Specimen

from cdtnet.cli import main as command
from cdtnet.cli.options import printable
from cdtnet.engines import openvino  # noqa: F401 - imported before forking, which saves time
from cdtnet.imaging import read, rows, write  # noqa: F401 - the same
from cdtnet.system.machine import STATUS, read_bytes
from cdtnet.weights.loading import PARTS, shipped_weights

MEMORY = 1 << 30  # bytes, in addition to the memory of the program itself
SECONDS = 60


class Tried(NamedTuple):
    """The outcome of one run.

    Attributes:
        specimen: The file.
        outcome: "picture", "sentence", or a description of the broken promise.
    """

    specimen: Specimen
    outcome: str


def main() -> int:
    """Print the table; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--cuts", type=int, default=40, help="places at which files are cut (default: %(default)s)"
    )
    parser.add_argument("--every", type=int, default=1, help="try every N-th file (default: all)")
    parser.add_argument(
        "--new", type=int, default=20, help="run every N-th in a new process (default: %(default)s)"
    )
    arguments = parser.parse_args()
    chosen, tried = [*odd_pictures(arguments.cuts), *odd_files()], []
    with tempfile.TemporaryDirectory() as folder:
        for one in try_all(chosen[:: arguments.every], Path(folder), arguments.new):
            tried.append(one)
            if one.outcome not in (PICTURE, SENTENCE):
                print(
                    f"{one.specimen.kind}, {one.specimen.name!r}: {one.outcome}", file=sys.stderr, flush=True
                )
    print("| files | tried | pictures | one clear sentence | broken promises |")
    print("|---|---|---|---|---|")
    for kind in [*dict.fromkeys(one.specimen.kind for one in tried), "in all"]:
        outcomes = [one.outcome for one in tried if kind in (one.specimen.kind, "in all")]
        kept = [outcomes.count(outcome) for outcome in (PICTURE, SENTENCE)]
        figures = (len(outcomes), *kept, len(outcomes) - sum(kept))
        print(f"| {kind} | {' | '.join(f'{figure:,}' for figure in figures)} |")
    return 0 if {one.outcome for one in tried} <= {PICTURE, SENTENCE} else 1


def try_all(chosen: Iterable[Specimen], folder: Path, new: int) -> Iterable[Tried]:
    """Run each file as a composite and as a mask."""
    model = folder / "small.safetensors"
    model.write_bytes(_small_model())
    for number, specimen in enumerate(chosen):
        for role in ("composite", "mask"):
            place = folder / "here"
            place.mkdir()
            try:
                yield Tried(specimen, _try(specimen, role, place, model, new=number % new == 0))
            finally:
                shutil.rmtree(place)


def _small_model() -> bytes:
    """Return weights that analyze 32×32 pixels."""
    entries, _ = shipped_weights("cdtnet.safetensors")
    kept = {name: value for name, value in entries.items() if name.startswith(PARTS["cdtnet-sim"])}
    return save(kept, {"cdtnet": '{"config": {"variant": "cdtnet-sim", "base_size": 32}}'})


def _try(specimen: Specimen, role: str, place: Path, model: Path, *, new: bool) -> str:
    other = place / "other file.png"
    other.write_bytes(saved(photo() if role == "mask" else photo().convert("L")))
    specimen.make(place / specimen.name)
    names = [specimen.name, other.name] if role == "composite" else [other.name, specimen.name]
    arguments = ["harmonize", "--resize-mask", "--model", str(model), "--", *names]
    before = set(os.listdir(place))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        start = _in_new_process if new else _in_fork
        code = _ended(start(arguments, place, out.fileno(), error.fileno()))
        texts = []
        for stream in (out, error):
            stream.seek(0)
            texts.append(stream.read().decode(errors="surrogateescape"))
    added = set(os.listdir(place)) - before
    return _judged(code, *texts, [place / name for name in added], specimen, role)


def _in_fork(arguments: list[str], place: Path, out: int, error: int) -> int:
    process = os.fork()
    if process:
        return process
    code = 70
    try:
        _bound()
        os.chdir(place)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(error, 2)
        code = command.main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        if code == 70:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        os._exit(code)


def _in_new_process(arguments: list[str], place: Path, out: int, error: int) -> int:
    return subprocess.Popen(
        [sys.executable, "-m", "cdtnet", *arguments],
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=error,
    ).pid


def _bound() -> None:
    limit = read_bytes(STATUS, "VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _ended(process: int) -> int | None:
    """Return the exit code, negative for a signal, or None if the process had to be killed."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(process, 9)
    os.waitpid(process, 0)
    return None


def _judged(code: int | None, out: str, error: str, added: list[Path], specimen: Specimen, role: str) -> str:
    """Return the outcome, or which promise was broken."""
    if code is None:
        return f"as a {role}: hung for {SECONDS} seconds"
    lines = error.split("\n")
    if (
        lines.pop()
        or not all(line.isprintable() and line.endswith(".") for line in lines)
        or code not in (0, 1)
    ):
        return f"as a {role}: exit code {code}, and said {error[-600:]!r}"
    if code == 1:
        outcome = SENTENCE
        whole = not added and not out and len(lines) == 1 and lines[0].startswith("cdtnet: ")
    else:
        outcome = PICTURE
        whole = len(added) == 1 and out == f"{added[0].name}\n"
        whole = whole and _is_picture(added[0])
    if not whole:
        return f"as a {role}: exit code {code}, files {added}, said {printable(out)!r} and {error!r}"
    if role == "composite" and specimen.outcome not in (EITHER, outcome):
        return f"as a {role}: a {outcome}, not a {specimen.outcome}: {error!r}"
    return outcome


def _is_picture(path: Path) -> bool:
    """Return whether other programs can read it, without libvips, whose threads do not survive a fork."""
    try:
        if path.suffix == ".tif":
            with tifffile.TiffFile(path) as file:  # which has no decoder for floats
                return bool(file.pages[0].size)
        with Image.open(path) as image:
            image.load()
            return True
    except Exception:
        return False


if __name__ == "__main__":
    sys.exit(main())
