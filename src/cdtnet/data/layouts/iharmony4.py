"""iHarmony4: four sub-sets of triplets, with lists of the training and test composites or without."""

from __future__ import annotations

from collections import Counter

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
    found = Found()
    for folder, subset in _labels(files, folders).items():
        found.subsets.append(subset)
        if _subset_of(subset) != subset and not files.subsets:
            copy = f"{subset} is another copy of {_subset_of(subset)}"
            found.notes.append(f"{copy} and left out; ask for it by its name.")
        elif files.wants(subset, folder or files.name):
            _add_subset(found, files, folder, subset)
    _note_absent(found, files)
    return found


def _may_be_subset(files: Files, folder: str) -> bool:
    """Whether a folder holds triplets, or by its names should hold some."""
    known = folder and _subset_of(folder) in _SUBSETS
    return is_set(files, folder) or bool(known and files.folder(folder, COMPOSITES, *MASKS, *REALS))


def _subset_of(name: str) -> str:
    """The sub-set that a folder holds by its name: `HDay2Night`, `HAdobe5kori`, `HAdobe5k_resized1024`."""
    return next((subset for subset in _SUBSETS if name.lower().startswith(subset.lower())), name)


def _labels(files: Files, folders: list[str]) -> dict[str, str]:
    """What to call each folder: by its sub-set, but further copies of the same one by their own names."""
    labels: dict[str, str] = {}
    for folder in sorted(folders, key=lambda folder: (len(folder), folder)):  # the plain name first
        name = folder or files.name
        labels[folder] = name if _subset_of(name) in labels.values() else _subset_of(name)
    return dict(sorted(labels.items()))


def _add_subset(found: Found, files: Files, folder: str, subset: str) -> None:
    composites = files.folder(folder, COMPOSITES)
    rows = _listed(files, folder)
    splits = dict(rows)  # what is in both lists is no training sample
    for name, split in splits.items():
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
        found.notes.append(f"{subset}: {unlisted:,} composites are in no list and left out.")
    if repeated := sum(count > 1 for count in Counter(name for name, _ in rows).values()):
        found.notes.append(f"{subset}: {repeated:,} composites are listed more than once.")


def _note_absent(found: Found, files: Files) -> None:
    lists = [path for split in _SPLITS if (path := files.text("", f"IHD_{split}.txt"))]
    listed = {_subset_of(_subset_folder(line)) for path in lists for line in files.lines(path)}
    found.notes += [
        f"{subset} is listed but not here."
        for subset in sorted(listed - {*found.subsets})
        if files.wants(subset)
    ]


def _listed(files: Files, folder: str) -> list[tuple[str, str]]:
    """Composites' names with their splits, from the sub-set's own lists or else the whole data set's."""
    name = folder or files.name
    rows: list[tuple[str, str]] = []
    for split in _SPLITS:
        own = files.text(folder, f"{name}_{split}.txt", f"{_subset_of(name)}_{split}.txt")
        common = files.text("", f"IHD_{split}.txt")
        if own:
            rows += [(line.rpartition("/")[2], split) for line in files.lines(own)]
        elif common:
            rows += [
                (line.rpartition("/")[2], split)
                for line in files.lines(common)
                if _subset_of(_subset_folder(line)) == _subset_of(name)
            ]
    return rows


def _subset_folder(line: str) -> str:
    """`HCOCO` of `HCOCO/composite_images/c1_2_3.jpg`."""
    return line.rpartition("/")[0].rpartition("/")[0].rpartition("/")[2]
