"""Check that the wheel and the source archive are reproducible and contain exactly the right files.

    python reliability/wheel.py

Builds the checked-out commit twice: in clones in different folders, with different file times, umasks and
time zones, and once through the source archive.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LEFT_OUT = (".github/", "runs/")  # not in the source archive
BESIDE = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def tracked(*paths: str) -> set[str]:
    """Return the names of the files of the commit."""
    command = ["git", "-C", str(REPOSITORY), "ls-tree", "-rz", "--name-only", "HEAD", *paths]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")) - {""}


def build(folder: Path, *kinds: str, age: int, umask: int, zone: str) -> list[Path]:
    """Build a clone in the folder; return the archives, source first."""
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder / "clone")], check=True)
    for path in (folder / "clone").rglob("*"):
        if ".git" not in path.parts:
            os.utime(path, (age, age))
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    command = [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(folder), "."]
    subprocess.run(
        command,
        cwd=folder / "clone",
        env=environment | {"TZ": zone},
        stdout=subprocess.DEVNULL,
        umask=umask,
        check=True,
    )
    return [next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))]


def contents(archive: Path) -> set[str]:
    """Return the names of the files in an archive, without the top folder of a source archive."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as source:
        return {member.name.partition("/")[2] for member in source.getmembers()}


def expected(archive: Path) -> set[str]:
    """Return the names of the files that an archive must contain."""
    if archive.suffix == ".whl":
        beside = "-".join(archive.name.split("-")[:2]) + ".dist-info"
        code = {name.removeprefix("src/") for name in tracked("src/cdtnet")}
        return code | {f"{beside}/{name}" for name in BESIDE}
    return {name for name in tracked() if not name.startswith(LEFT_OUT)} | {"PKG-INFO"}


def problems(archive: Path, other: Path) -> list[str]:
    """Return the problems of an archive that was built twice."""
    found = [f"not in it: {name}" for name in sorted(expected(archive) - contents(archive))]
    found += [f"in it: {name}" for name in sorted(contents(archive) - expected(archive))]
    if archive.read_bytes() != other.read_bytes():
        found.append("the second build has other bytes")
    return found


def main() -> int:
    """Print the table; return 1 if a promise was broken."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder, "here"), Path(folder, "there", "deeper down")
        here.mkdir()
        there.mkdir(parents=True)
        archives = build(here, age=10**9, umask=0o022, zone="UTC")
        again = build(there, "--sdist", "--wheel", age=17 * 10**8, umask=0o077, zone="Pacific/Auckland")
        print("| archive | files | bytes | sha256 | built again | problems |\n|---|---|---|---|---|---|")
        found = 0
        for archive, other in zip(archives, again, strict=True):
            wrong = problems(archive, other)
            found += len(wrong)
            same = "the same bytes" if archive.read_bytes() == other.read_bytes() else "other bytes"
            digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
            figures = f"{len(contents(archive))} | {archive.stat().st_size:,} | {digest}…"
            print(f"| {archive.name} | {figures} | {same} | {'; '.join(wrong) or 'none'} |")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
