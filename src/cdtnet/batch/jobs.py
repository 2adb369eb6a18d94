"""The jobs of a batch: composites with their masks, and the paths of the results."""

from __future__ import annotations

import glob
import os
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..datasets.layouts import LAYOUTS, Files, Found, Problem, Sample, manifest, search
from ..datasets.layouts.base import Unmatched
from ..datasets.layouts.pairs import is_mask
from ..datasets.tree import Entry, Folder, Tree, open_tree
from ..errors import DataError
from ..imaging.formats import result_suffix, why_unread
from ..system.atomic import is_same_file
from .remote import Remote
from .stores import entry_of, is_address


@dataclass(frozen=True)
class BatchJob:
    """A picture to be harmonized.

    Attributes:
        composite: The file of the composite.
        mask: The file of the foreground mask.
        output: The path of the result in the destination.
    """

    composite: Entry
    mask: Entry
    output: str


class Jobs(NamedTuple):
    """The jobs of a batch.

    There is a sentence for each composite that cannot be processed, and for each file with a picture's suffix
    that belongs to no job.
    """

    jobs: list[BatchJob]
    problems: list[str]
    skipped: list[str]


def find_jobs(
    source: str, out: str, *, mask: str | None = None, layout: str = "auto", suffix: str | None = None
) -> Jobs:
    """Find composites and masks.

    Args:
        source: A folder, archive, manifest, address, or a pattern with `*`, `?`, `[...]` or `**`.
        out: The destination, which is not searched for sources.
        mask: One mask for all pictures of the source, which then need no layout.
        layout: The name of a layout, or "auto".
        suffix: The suffix of all results, such as ".png"; by default that of their composite.

    Raises:
        DataError: There are no pictures, or results would be written among the composites.
    """
    if layout not in ("auto", *LAYOUTS):
        raise DataError(f"{layout!r} is not a layout; choose auto, {', '.join(LAYOUTS)}.")
    found = _find(source, out, mask, layout)
    if not (found.samples or found.problems or found.skipped):
        raise DataError(f"There are no pictures in {source}.")
    return _named(found, out, suffix)


def _find(source: str, out: str, mask: str | None, layout: str) -> Found:
    chosen: set[str] | None = None
    tree: Tree
    if not is_address(source) and glob.has_magic(source) and not os.path.exists(source):
        base, pattern = _parted(source)
        tree, chosen = Folder(Path(base)), set(glob.glob(pattern, root_dir=base, recursive=True))
    elif Path(source).suffix.lower() in manifest.SUFFIXES and not os.path.isdir(source) and not mask:
        return _manifest(source, out)
    else:
        tree = Remote(source) if is_address(source) else open_tree(Path(source))
    paths = _outside(tree, tree.files(), out)
    if mask or chosen is not None:
        found = _pictures(Files(tree, paths), mask, chosen)
    else:
        found = search(tree, paths, LAYOUTS if layout == "auto" else {layout: LAYOUTS[layout]})[1]
    found.skipped += _unread(tree, [path for path in paths if chosen is None or path in chosen])
    return found


def _unread(tree: Tree, paths: Iterable[str]) -> list[str]:
    """Describe the picture files of a kind that cannot be read."""
    return [sentence for path in paths if (sentence := why_unread(str(Entry(tree, path))))]


def _parted(pattern: str) -> tuple[str, str]:
    """Split a pattern into its fixed folder and the rest."""
    parts = pattern.replace(os.sep, "/").split("/")
    count = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:count]) or ("/" if pattern.startswith("/") else "."), "/".join(parts[count:])


def _manifest(source: str, out: str) -> Found:
    entry = entry_of(source)
    _outside(entry.tree, [], out)
    return manifest.read(Files(entry.tree, []), entry.path)


def _pictures(files: Files, mask: str | None, chosen: Iterable[str] | None = None) -> Found:
    """Pair all, or the chosen, pictures with the one mask, or with the masks beside them."""
    shared = entry_of(mask) if mask else None
    found = Found()
    paths = files.pictures("", nested=True)
    lonely = {path for path in paths if is_mask(path)}
    for path in paths:
        entry = files.entry(path)
        if is_mask(path) or (chosen is not None and path not in chosen) or str(entry) == str(shared):
            continue
        beside = files.picture(path.rpartition("/")[0], f"{PurePosixPath(path).stem}_mask")
        lonely.discard(beside or "")
        own = shared or (files.entry(beside) if beside else None)
        if own:
            found.samples.append(Sample(path, "", "", entry, own, None))
        else:
            found.problems.append(Problem(f"{entry} has no mask."))
    if chosen is None and not shared:
        found.skipped += [
            Unmatched(f"{files.entry(path)} is the mask of no picture here.") for path in sorted(lonely)
        ]
    return found


def _outside(tree: Tree, paths: Sequence[str], out: str) -> list[str]:
    """Return the paths outside of `out`, which must not contain the whole tree."""
    root, target = _canonical(str(tree.root)), _canonical(out)
    if f"{root}/".startswith(f"{target}/") and not os.path.isfile(root):
        raise DataError(f"{out} contains the composites; choose another folder for the results.")
    inside = f"{target}/".removeprefix(f"{root}/")
    return [path for path in paths if not path.startswith(inside)]


def _canonical(name: str) -> str:
    return name.rstrip("/") if is_address(name) else os.path.realpath(name).replace(os.sep, "/").rstrip("/")


def _named(found: Found, out: str, suffix: str | None) -> Jobs:
    """Assign output paths to samples; each is unique and not an input."""
    taken: dict[str, Sample] = {}
    problems = [problem.sentence for problem in found.problems]
    for sample in found.samples:
        output = output_path(sample.name, suffix)
        other = taken.setdefault(output, sample)
        if other is not sample:
            problems.append(
                f"{sample.composite} and {other.composite} would both be written to {output}; rename one."
            )
        elif link := _input_at(os.path.join(out, output), sample):
            problems.append(f"{output} in {out} is a link to {link}; remove the link.")
            del taken[output]
    jobs = [BatchJob(sample.composite, sample.mask, output) for output, sample in taken.items()]
    return Jobs(jobs, problems, found.skipped)


def _input_at(output: str, sample: Sample) -> Entry | None:
    """Return the sample's file to which the output path is a link, if any."""
    if not os.path.exists(output):
        return None
    return next(
        (entry for entry in (sample.composite, sample.mask) if is_same_file(output, str(entry))), None
    )


def output_path(name: str, suffix: str | None = None) -> str:
    """Return the relative path of a composite's result, which stays inside the destination.

    Args:
        name: The name of the sample: a relative or absolute path, followed by `#line` if a manifest contains
            a composite twice.
        suffix: The new suffix; by default the name's own, if its format is written.
    """
    name = re.sub(r"(\.[^./#]*)(#\d+)$", r"\2\1", name.replace("\\", "/"))
    parts = [part.replace(":", "") for part in posixpath.normpath(name).split("/") if part not in ("", "..")]
    path = PurePosixPath(*parts)
    return str(path.with_suffix(suffix or result_suffix(path)) if path.suffix else path)
