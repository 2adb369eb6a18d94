"""iHarmony4: four sub-sets of triplets, with or without lists of the training and test composites."""

from __future__ import annotations

from collections import Counter
from functools import cache

from .base import Files, Found, Problem, join, stem
from .triplets import COMPOSITES, MASKS, REALS, add_triplet, is_set

EXPECTS = "HCOCO, HAdobe5k, HFlickr, Hday2night, or one of them, with composite_images, masks and real_images"
_SUBSETS = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")
_SPLITS = ("train", "test")


def find(files: Files) -> Found | None:
    """Find the triplets of all sub-sets; None if there are none."""
    folders = [folder for folder in ("", *files.folders()) if _may_be_subset(files, folder)]
    if not any(is_set(files, folder) for folder in folders):
        return None
    found, common = Found(), _common_lists(files)
    for folder, subset in _labels(files, folders).items():
        name = folder or files.name
        found.subsets.append(subset)
        if _subset_of(subset) != subset and not files.subsets:
            copy = f"{subset} is another copy of {_subset_of(subset)}"
            found.notes.append(f"{copy} and left out; select it with --subsets.")
        elif files.wants(subset, name):
            rows = _own_lists(files, folder, name) or common.get(_subset_of(name), [])
            _add_subset(found, files, folder, subset, rows)
    absent = [subset for subset in common if subset not in found.subsets and files.wants(subset)]
    found.notes += [f"{subset} is listed but missing." for subset in absent]
    return found


def _may_be_subset(files: Files, folder: str) -> bool:
    """Check whether a folder contains triplets, or should by its names."""
    known = folder and _subset_of(folder) in _SUBSETS
    return is_set(files, folder) or bool(known and files.folder(folder, COMPOSITES, *MASKS, *REALS))


@cache
def _subset_of(name: str) -> str:
    """Return the sub-set of a folder by its name: `HDay2Night`, `HAdobe5kori`, `HAdobe5k_resized1024`."""
    return next((subset for subset in _SUBSETS if name.lower().startswith(subset.lower())), name)


def _labels(files: Files, folders: list[str]) -> dict[str, str]:
    """Label folders by their sub-set, and copies of the same one by their own names."""
    labels: dict[str, str] = {}
    for folder in sorted(folders, key=lambda folder: (len(folder), folder)):  # the plain name first
        name = folder or files.name
        labels[folder] = name if _subset_of(name) in labels.values() else _subset_of(name)
    return dict(sorted(labels.items()))


def _add_subset(found: Found, files: Files, folder: str, subset: str, rows: list[tuple[str, str]]) -> None:
    composites = files.folder(folder, COMPOSITES)
    for name, split in dict(rows).items():  # a name in both lists is a test sample
        path = files.picture(composites, stem(name), like=name[-4:])
        if path:
            add_triplet(found, files, folder, path, subset, split)
        else:
            sentence = f"{join(composites or '', name)} is listed for {split} but missing."
            found.problems.append(Problem(sentence, subset, split))
    if rows:
        _note_lists(found, files.pictures(composites), rows, subset)
        return
    for path in files.pictures(composites):
        add_triplet(found, files, folder, path, subset)


def _note_lists(found: Found, pictures: list[str], rows: list[tuple[str, str]], subset: str) -> None:
    listed = {stem(name) for name, _ in rows}
    if unlisted := sum(stem(path) not in listed for path in pictures):
        found.notes.append(f"{subset}: composites in no list, left out: {unlisted:,}.")
    if repeated := sum(count > 1 for count in Counter(name for name, _ in rows).values()):
        found.notes.append(f"{subset}: composites listed more than once: {repeated:,}.")


def _own_lists(files: Files, folder: str, name: str) -> list[tuple[str, str]]:
    """Read composites' names and splits from the lists in a sub-set's folder."""
    return [
        (line.rpartition("/")[2], split)
        for split in _SPLITS
        if (path := files.text(folder, f"{name}_{split}.txt", f"{_subset_of(name)}_{split}.txt"))
        for line in files.lines(path)
    ]


def _common_lists(files: Files) -> dict[str, list[tuple[str, str]]]:
    """Read names and splits by sub-set from lists of lines `HCOCO/composite_images/c1_2_3.jpg`."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for split in _SPLITS:
        path = files.text("", f"IHD_{split}.txt")
        for line in files.lines(path) if path else []:
            folder, _, name = line.rpartition("/")
            subset = _subset_of(folder.rpartition("/")[0].rpartition("/")[2])
            rows.setdefault(subset, []).append((name, split))
    return rows
