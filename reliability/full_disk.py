"""Test a disk that fills up, folders that cannot be written or disappear, and workers that die.

    python reliability/full_disk.py --stages 12

Each command writes to a disk that is full after a number of bytes, from almost none to almost enough: with a
limit on the size of files, which needs no privileges, and on a file system of that size if one can be
mounted. The command must end with one sentence and exit code 1, keep the existing file, and leave no other
file. Run again with enough space, it must write the same bytes as a command that always had it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commands import BATCH, COMMANDS, TRAIN, Command, Run, digests, leftovers, write_inputs

OLD = b"old " * 1000


@dataclass
class Row:
    """The outcomes of one command.

    Attributes:
        name: The command and its obstacle.
        tried: The number of runs.
        said: The number of runs that ended with one sentence and an exit code other than 0.
        kept: The number of runs that left all existing files unchanged.
        left: The number of temporary files that were left.
    """

    name: str
    tried: int = 0
    said: int = 0
    kept: int = 0
    left: int = 0

    @property
    def broken(self) -> bool:
        """Return whether a promise was broken."""
        return bool(self.left) or not self.tried == self.said == self.kept

    def __str__(self) -> str:
        return f"| {self.name} | {self.tried} | {self.said} | {self.kept} | {self.left} |"


def main() -> int:
    """Print the table; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--stages", type=int, default=12, help="of a full disk (default: %(default)s)")
    arguments = parser.parse_args()
    print("| command | tried | one sentence, code not 0 | what was there is whole | temporaries |")
    print("|---|---|---|---|---|", flush=True)
    broken = False
    with tempfile.TemporaryDirectory(prefix="full-disk-") as place:
        folder = Path(place) / "work"
        folder.mkdir()
        write_inputs(folder)
        for row in rows(folder, arguments.stages):
            print(row, flush=True)
            broken |= row.broken
    return int(broken)


def rows(folder: Path, stages: int) -> Iterator[Row]:
    """Run all tests, one after the other.

    Args:
        folder: A folder with the files of `write_inputs`.
        stages: The number of runs of each command with a full disk.
    """
    real, user = may_mount(), not may_write_anywhere()
    if not real:
        print("File systems cannot be mounted here, so the full file system is not tested.", file=sys.stderr)
    if not user:
        print("The superuser may read and write anywhere, so permissions are not tested.", file=sys.stderr)
    for command in (*COMMANDS, BATCH, TRAIN):
        whole = result(command, folder)
        size = max(map(len, whole.values()))
        least = 20_000 if command is TRAIN else 300  # its messages are also written to a file
        limits = [least, *(round(size * (k + 0.5) / stages) for k in range(1, stages))]
        yield limited(command, folder, limits, whole)
        if real:
            yield mounted(command, folder, limits)
        if user:
            yield read_only(command, folder)
            yield unreadable(command, folder)
    yield vanishing(folder)


def result(command: Command, folder: Path) -> dict[str, bytes]:
    """Return what the command writes with enough space, without its logs; continue an unfinished result."""
    run = Run(command.words, folder)
    if code := run.end():
        raise SystemExit(f"{command.name} ended with {code}: {run.said()}")
    output = folder / command.output
    paths = [output] if output.is_file() else [*output.glob("*.png"), *output.glob("*.safetensors")]
    return {path.name: path.read_bytes() for path in paths}


def _empty(folder: Path) -> None:
    for path in (folder / "out").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def limited(command: Command, folder: Path, limits: list[int], whole: dict[str, bytes]) -> Row:
    """Limit the size of each file; without a limit, `whole` is written."""
    row = Row(f"{command.name}, full by a limit")
    for limit in limits:
        _empty(folder)
        _put_old(command, folder)
        _try(row, command, folder, limit)
    row.kept -= result(command, folder) != whole
    return row


def mounted(command: Command, folder: Path, limits: list[int]) -> Row:
    """Put the folder on a file system that has space only for the old file and the limit."""
    row = Row(f"{command.name}, full file system")
    for limit in limits:
        _empty(folder)
        with file_system(folder / "out", limit + 3 * 4096):
            _put_old(command, folder)
            _try(row, command, folder)
    return row


def read_only(command: Command, folder: Path) -> Row:
    """Make the folder readable but not writable."""
    row = Row(f"{command.name}, read-only folder")
    _empty(folder)
    _put_old(command, folder)
    (folder / "out").chmod(0o500)
    try:
        _try(row, command, folder)
    finally:
        (folder / "out").chmod(0o700)
    return row


def unreadable(command: Command, folder: Path) -> Row:
    """Make one of the inputs unreadable."""
    row = Row(f"{command.name}, unreadable input")
    _empty(folder)
    _put_old(command, folder)
    inputs = {"convert": "sim.safetensors", "batch": "in/p0.png", "train": "photos/here/0.png"}
    given = folder / inputs.get(command.name, "photo.png")
    _try(row, command, folder, forbidden=given)
    return row


def vanishing(folder: Path) -> Row:
    """Move the batch's composites away while it runs; once they are back, the rest must be processed."""
    row = Row("batch, its composites vanish and come back")
    _empty(folder)
    run = Run(BATCH.words, folder)
    while run.process.exitcode is None and not (folder / "out" / "batch" / "results.jsonl").exists():
        time.sleep(0.001)
    (folder / "in").rename(folder / "gone")
    code, said = run.end(), run.said()
    (folder / "gone").rename(folder / "in")
    made = {path: path.stat().st_mtime_ns for path in (folder / "out" / "batch").glob("*.png")}
    row.tried += 1
    row.said += code == 1 and _is_sentence(said)
    again = Run(BATCH.words, folder).end()
    row.kept += again == 0 and all(path.stat().st_mtime_ns == at for path, at in made.items())
    row.left += len(leftovers(folder))
    return row


def _put_old(command: Command, folder: Path) -> None:
    path = folder / command.output
    if path.suffix:
        path.write_bytes(OLD)


def _try(
    row: Row, command: Command, folder: Path, limit: int | None = None, forbidden: Path | None = None
) -> None:
    """Run the command, and add its outcome to the row."""
    inputs = digests(folder)
    if forbidden:
        forbidden.chmod(0)
    run = Run(command.words, folder, limit)
    code, said = run.end(), run.said()
    if forbidden:
        forbidden.chmod(0o600)
    row.tried += 1
    row.said += code == 1 and _is_sentence(said)
    path = folder / command.output
    row.kept += digests(folder) == inputs and (not path.suffix or path.read_bytes() == OLD)
    row.left += len(leftovers(folder))


def _is_sentence(said: str) -> bool:
    lines = said.splitlines()
    return bool(lines) and "Traceback" not in said and lines[-1].startswith("cdtnet: ")


@contextmanager
def file_system(folder: Path, size: int) -> Iterator[None]:
    """Mount a file system of this many bytes at a folder."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def may_write_anywhere() -> bool:
    """Return whether this process may write to read-only folders, as root may."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o500)
        return os.access(folder, os.W_OK)


def may_mount() -> bool:
    """Return whether this process may mount a file system."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "tmpfs", folder]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


if __name__ == "__main__":
    sys.exit(main())
