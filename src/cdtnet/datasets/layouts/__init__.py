"""The layouts of data sets: a module for each, with a description `EXPECTS` and a function `find`."""

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
    """Find the samples of a data set, and the name of its layout.

    Args:
        root: A folder, a zip or tar archive, or a manifest file.
        layout: The name of a layout, or "auto" to try all.
        subsets: The names of sub-sets; all by default.

    Raises:
        DataError: The root cannot be read or has another layout.
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
    """Find the samples among files of a tree, and the name of their layout.

    Raises:
        DataError: The files have another layout.
    """
    for base in _bases(paths):
        files = Files(tree, paths, base, subsets)
        for name, candidate in layouts.items():
            if found := candidate.find(files):
                return name, found
    expected = "".join(f"\n  {name}: {candidate.EXPECTS}" for name, candidate in layouts.items())
    raise DataError(f"{tree.root} has {len(paths):,} files, but in no known layout. Known are{expected}")


def _bases(paths: Sequence[str]) -> list[str]:
    """Return the root, and the folders below it that contain all pictures."""
    folders = [posixpath.dirname(path) for path in paths if has_picture_suffix(path)]
    common = posixpath.commonpath(folders) if folders else ""
    return [
        "",
        *(f"{common[:end]}/" for end in range(1, len(common) + 1) if common[end : end + 1] in ("", "/")),
    ]
