"""The layouts of data sets: a module for each, with its description and what finds its samples, if any."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from ...errors import DataError
from ...imaging.formats import has_picture_suffix
from ..tree import Folder, Tree, open_tree
from . import ccharmony, iharmony4, manifest, pairs, realhm
from .base import Files, Found, Problem, Sample

__all__ = ["LAYOUTS", "Files", "Found", "Problem", "Sample", "find_samples", "search"]


LAYOUTS: dict[str, ModuleType] = {
    "manifest": manifest,
    "ccharmony": ccharmony,
    "iharmony4": iharmony4,
    "realhm": realhm,
    "pairs": pairs,
}


def find_samples(root: Path, layout: str = "auto", subsets: Sequence[str] | None = None) -> tuple[str, Found]:
    """Find the samples of a data set: its layout's name, and what it holds.

    Args:
        root: A folder, a zip or tar archive, or the file of a manifest.
        layout: A layout's name, or "auto" to try them all.
        subsets: Names of the sub-sets to look for; all by default.

    Raises:
        DataError: The root cannot be read or is laid out in another way.
    """
    if layout not in ("auto", *LAYOUTS):
        raise DataError(f"{layout!r} is not a layout; choose auto, {', '.join(LAYOUTS)}.")
    if layout in ("auto", "manifest") and root.suffix.lower() in manifest.SUFFIXES and not root.is_dir():
        return "manifest", manifest.read(Files(Folder(root.parent), [], subsets=subsets), root.name)
    chosen = LAYOUTS if layout == "auto" else {layout: LAYOUTS[layout]}
    tree = open_tree(root)
    return search(tree, tree.files(), chosen, subsets)


def search(
    tree: Tree,
    paths: Sequence[str],
    layouts: Mapping[str, ModuleType] = LAYOUTS,
    subsets: Sequence[str] | None = None,
) -> tuple[str, Found]:
    """Find the samples among some files of a tree: the name of their layout, and what they hold.

    Raises:
        DataError: The files are laid out in another way.
    """
    for base in _bases(paths):
        files = Files(tree, paths, base, subsets)
        for name, candidate in layouts.items():
            if found := candidate.find(files):
                return name, found
    expected = "".join(f"\n  {name}: {candidate.EXPECTS}" for name, candidate in layouts.items())
    raise DataError(f"{tree.root} holds {len(paths):,} files, but in no known layout. Looked for{expected}")


def _bases(paths: Sequence[str]) -> list[str]:
    """Yield the root, and below it the folders that contain all pictures."""
    folders = [posixpath.dirname(path) for path in paths if has_picture_suffix(path)]
    common = posixpath.commonpath(folders) if folders else ""
    return [
        "",
        *(f"{common[:end]}/" for end in range(1, len(common) + 1) if common[end : end + 1] in ("", "/")),
    ]
