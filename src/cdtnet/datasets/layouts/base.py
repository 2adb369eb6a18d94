"""Shared parts of layouts: samples, problems, and looking up pictures by name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...imaging.formats import has_picture_suffix
from ..tree import Entry, Tree


@dataclass(frozen=True)
class Sample:
    """A composite of a data set, not yet read.

    Attributes:
        name: The path of the composite relative to the data set's folder; unique among samples.
        subset: The name of the sub-set, such as "HCOCO"; "" if there are none.
        split: "train", "test", or "" if no list contains it.
        composite: The file of the composite.
        mask: The file of the foreground mask.
        real: The file of the ground truth, or None.
    """

    name: str
    subset: str
    split: str
    composite: Entry
    mask: Entry
    real: Entry | None


class Problem(NamedTuple):
    """A file that is not a usable sample: the reason in a sentence, its sub-set and split."""

    sentence: str
    subset: str = ""
    split: str = ""


class Unmatched(str):
    """A sentence about a picture that belongs to no sample, but may when more files arrive."""

    __slots__ = ()


@dataclass
class Found:
    """The samples and problems that a layout found.

    Attributes:
        samples: The samples of the requested sub-sets.
        problems: What is missing there.
        skipped: A sentence for each picture that belongs to no sample, if the layout can tell.
        notes: Further remarks, as sentences.
        subsets: The names of all sub-sets, requested or not.
    """

    samples: list[Sample] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    subsets: list[str] = field(default_factory=list)


class Files:
    """The files of a tree below one of its folders, by paths relative to that folder.

    Attributes:
        tree: The tree.
        name: The name of the folder.
        subsets: The names of the requested sub-sets, or None for all.
    """

    def __init__(
        self, tree: Tree, paths: Iterable[str], base: str = "", subsets: Sequence[str] | None = None
    ) -> None:
        self.name = base.rstrip("/").rpartition("/")[2] or stem(Path(tree.root).resolve().name)
        self.subsets = subsets
        self.tree, self._base = tree, base
        self._folders: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._by_stem: dict[str, list[str]] = {}
        self._by_folder: dict[str, list[str]] = {}
        for path in paths:
            self._add(path[len(base) :])

    def _add(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if has_picture_suffix(path):
            self._by_stem.setdefault(_normal(path.rpartition(".")[0]), []).append(path)
            self._by_folder.setdefault(folder, []).append(path)
        else:
            self._texts[_folded(path)] = path
        while folder and _folded(folder) not in self._folders:
            self._folders[_folded(folder)] = folder
            folder = folder.rpartition("/")[0]

    def wants(self, *names: str) -> bool:
        """Check whether a sub-set of one of these names is wanted; case is ignored."""
        if self.subsets is None:
            return True
        return not {name.casefold() for name in names}.isdisjoint(name.casefold() for name in self.subsets)

    def entry(self, path: str) -> Entry:
        """Return a file as an entry to read."""
        return Entry(self.tree, self._base + path)

    def folders(self, parent: str = "") -> list[str]:
        """List the folders directly inside a folder."""
        return sorted(path for path in self._folders.values() if path.rpartition("/")[0] == parent)

    def folder(self, parent: str, *names: str) -> str | None:
        """Return the first folder inside `parent` with one of these names; case is ignored."""
        return _first(self._folders, parent, names)

    def text(self, parent: str, *names: str) -> str | None:
        """Return the first non-picture file inside `parent` with one of these names; case is ignored."""
        return _first(self._texts, parent, names)

    def pictures(self, folder: str | None, *, nested: bool = False) -> list[str]:
        """List the pictures directly inside a folder, or at any depth; an empty list for None."""
        if folder is None:
            return []
        if not nested:
            return self._by_folder.get(folder, [])
        inside = join(folder, "")
        return [path for paths in self._by_folder.values() for path in paths if path.startswith(inside)]

    def picture(self, folder: str | None, *names: str, like: str = "") -> str | None:
        """Return the first picture inside a folder with one of these names and any suffix.

        Args:
            folder: The folder; None contains no pictures.
            names: Names without suffix, in order of preference.
            like: The preferred suffix if several pictures differ only in it.
        """
        for name in names if folder is not None else ():
            if found := self._by_stem.get(_normal(join(folder or "", name))):
                return next((path for path in found if path.endswith(like)), found[0])
        return None

    def lines(self, path: str) -> list[str]:
        """Read the non-empty lines of a text file, with `/` between the parts of a path."""
        text = self.entry(path).read().decode("utf-8-sig", errors="replace")
        return [line.strip().replace("\\", "/") for line in text.splitlines() if line.strip()]


def _first(by_casefolded: dict[str, str], parent: str, names: Iterable[str]) -> str | None:
    found = (by_casefolded.get(_folded(join(parent, name))) for name in names)
    return next((path for path in found if path is not None), None)


def _normal(path: str) -> str:
    """Normalize a path's Unicode, because systems store é as one code point or two."""
    return unicodedata.normalize("NFC", path)


def _folded(path: str) -> str:
    return _normal(path).casefold()


def join(folder: str, name: str) -> str:
    """Join two parts of a path; the first may be empty."""
    return f"{folder}/{name}" if folder else name


def stem(path: str) -> str:
    """Return a path's last part without its suffix."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name
