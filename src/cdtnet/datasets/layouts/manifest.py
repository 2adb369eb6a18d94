"""A user's table, CSV or JSON lines: composite, mask, and optionally real, subset and split."""

from __future__ import annotations

import csv
import io
import json
import posixpath
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ...errors import DataError
from ..tree import Entry, Folder
from .base import Files, Found, Problem, Sample

EXPECTS = "manifest.csv or manifest.jsonl with composite and mask, optionally also real, subset and split"
SUFFIXES = (".csv", ".jsonl")


def find(files: Files) -> Found | None:
    """Read the table called `manifest`; None if there is none."""
    path = files.text("", *(f"manifest{suffix}" for suffix in SUFFIXES))
    return read(files, path) if path else None


def read(files: Files, path: str) -> Found:
    """Read a table, in which paths are absolute or relative to its folder.

    Raises:
        DataError: The table is malformed, or a relative path leaves its folder.
    """
    found, names = Found(), set()
    for line, row in _rows(files.entry(path)):
        where = f"line {line} of {files.entry(path)}"
        subset, split = row.get("subset", ""), row.get("split", "")
        if subset not in found.subsets:
            found.subsets.append(subset)
        if not files.wants(subset):
            continue
        if not (row.get("composite") and row.get("mask")):
            raise DataError(f"There is no {'mask' if row.get('composite') else 'composite'} in {where}.")
        composite, mask = (_entry(files, row[key], where) for key in ("composite", "mask"))
        real = _entry(files, row["real"], where) if row.get("real") else None
        if missing := [str(entry) for entry in (composite, mask, real) if entry and not entry.exists()]:
            found.problems.append(Problem(f"{' and '.join(missing)} of {where} is missing.", subset, split))
            continue
        name = row["composite"] if row["composite"] not in names else f"{row['composite']}#{line}"
        names.add(name)
        found.samples.append(Sample(name, subset, split, composite, mask, real))
    return found


def _rows(entry: Entry) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line numbers, and stripped values by column names in lower case."""
    text = entry.read().decode("utf-8-sig", errors="replace")
    if entry.path.lower().endswith(".csv"):
        try:
            yield from _table(csv.DictReader(io.StringIO(text, newline="")), entry)
        except csv.Error as error:
            raise DataError(f"{entry} is not a CSV table ({error}).") from error
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, {name.lower(): _text(value) for name, value in json.loads(line).items()}
        except (ValueError, AttributeError, RecursionError) as error:
            raise DataError(f"Line {number} of {entry} is not a JSON object.") from error


def _table(table: csv.DictReader[str], entry: Entry) -> Iterator[tuple[int, dict[str, str]]]:
    if not {"composite", "mask"} <= {name.strip().lower() for name in table.fieldnames or ()}:
        raise DataError(f"{entry} needs the columns composite and mask in its first line.")
    for row in table:
        yield table.line_num, {(name or "").strip().lower(): _text(value) for name, value in row.items()}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _entry(files: Files, value: str, where: str) -> Entry:
    if (absolute := Path(value)).is_absolute() and isinstance(files.tree, Folder):
        return Entry(Folder(absolute.parent), absolute.name)
    path = posixpath.normpath(value.replace("\\", "/"))
    if path.startswith(("..", "/")):
        raise DataError(f"{value} in {where} leaves its folder; give the absolute path if this is intended.")
    forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next((entry for form in forms if (entry := files.entry(form)).exists()), files.entry(path))
