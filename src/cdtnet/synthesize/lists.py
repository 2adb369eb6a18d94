"""The lists of a data set: training, tests, and the sources of composites."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..system.atomic import write_file
from .tasks import Finished, Row, seed_of


def split(names: Iterable[str], share: float, seed: int) -> set[str]:
    """Choose `share` of the photos for tests; at least one and not all, unless it is 0 or 1."""
    ranked = sorted(names, key=lambda name: seed_of(seed, name, "split"))
    count = round(share * len(ranked))
    if 0 < share < 1 and len(ranked) > 1:
        count = min(max(count, 1), len(ranked) - 1)
    return set(ranked[:count])


def write_lists(folder: Path, finished: Sequence[Finished], tests: set[str]) -> dict[str, int]:
    """Write a sub-set's own lists, and its lines in the lists of the whole data set, `IHD_<part>.txt`.

    Returns:
        The numbers of composites in "train" and "test".
    """
    counts = {}
    for part in ("train", "test"):
        chosen = [photo for photo in finished if (photo.name in tests) == (part == "test")]
        own = [row.composite for photo in chosen for row in photo.rows]
        _write(folder / f"{folder.name}_{part}.txt", own)
        common = folder.parent / f"IHD_{part}.txt"
        before = common.read_text(encoding="utf-8").split("\n") if common.exists() else []
        others = [line for line in before if line and not line.startswith(f"{folder.name}/")]
        _write(common, sorted(others + [f"{folder.name}/composite_images/{name}" for name in own]))
        counts[part] = len(own)
    return counts


def _write(path: Path, lines: Sequence[str]) -> None:
    write_file(path, "".join(f"{line}\n" for line in lines).encode())


def write_sources(folder: Path, finished: Sequence[Finished], tests: set[str] | None) -> None:
    """Write `sources.csv`: the split and the sources of each composite."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("split", *Row._fields))
    for photo in finished:
        part = "" if tests is None else "test" if photo.name in tests else "train"
        writer.writerows((part, *row) for row in photo.rows)
    write_file(folder / "sources.csv", text.getvalue().encode(errors="surrogateescape"))
