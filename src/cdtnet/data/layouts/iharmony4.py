"""iHarmony4: four sub-sets of triplets, with lists of the training and test composites or without."""

from __future__ import annotations

from .base import Files, Found, Problem, join, stem
from .triplets import COMPOSITES, add_triplet, is_set

EXPECTS = "HCOCO, HAdobe5k, … (or one of them) with composite_images, masks and real_images"
SUBSETS = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")


def find(files: Files) -> Found | None:
    """Find the triplets of all sub-sets; None if there are none."""
    folders = [folder for folder in ("", *files.folders()) if is_set(files, folder)]
    if not folders:
        return None
    found = Found()
    for folder, subset in _label(files, folders).items():
        own_name = folder or files.name
        copy = subset == own_name and _subset_of(own_name) != subset
        found.subsets.append(subset)
        if not files.wants(subset, own_name):
            continue
        if copy and files.wants():
            found.notes.append(f"{own_name} is another copy of {_subset_of(own_name)}; name it to use it.")
            continue
        _add_set(found, files, folder, subset)
    return found


def _subset_of(name: str) -> str:
    """The sub-set that a folder holds by its name: `HDay2Night`, `HAdobe5kori`, `HAdobe5k_resized1024`."""
    return next((subset for subset in SUBSETS if name.lower().startswith(subset.lower())), name)


def _label(files: Files, folders: list[str]) -> dict[str, str]:
    """What to call each folder: by its sub-set, but further copies of the same sub-set by their own name."""
    names = {folder: folder or files.name for folder in folders}
    plain_first = sorted(folders, key=lambda folder: (len(names[folder]), names[folder]))
    labels: dict[str, str] = {}
    for folder in plain_first:
        subset = _subset_of(names[folder])
        labels[folder] = names[folder] if subset in labels.values() else subset
    return {folder: labels[folder] for folder in folders}


def _add_set(found: Found, files: Files, folder: str, subset: str) -> None:
    composites = files.folder(folder, COMPOSITES) or ""
    lists = _lists(files, folder)
    if not lists:
        for composite in files.pictures(composites):
            add_triplet(found, files, folder, composite, subset, "")
        return
    for split, names in lists.items():
        for name in names:
            path = files.picture(composites, stem(name), like=name[-4:])
            if path:
                add_triplet(found, files, folder, path, subset, split)
            else:
                missing = f"{join(composites, name)} is listed for {split} but missing."
                found.problems.append(Problem(missing, subset, split))
    listed = {stem(name) for names in lists.values() for name in names}
    if both := sum(len(names) for names in lists.values()) - len(listed):
        found.problems.append(Problem(f"{subset}: {both} composites are listed more than once.", subset))
    if unlisted := sum(stem(path) not in listed for path in files.pictures(composites)):
        found.notes.append(f"{subset}: {unlisted:,} composites are in no list and are left out.")


def _lists(files: Files, folder: str) -> dict[str, list[str]]:
    """Names of the composites by split, from the sub-set's own lists or else the whole data set's."""
    name = folder or files.name
    lists: dict[str, list[str]] = {}
    for split in ("train", "test"):
        own = files.text(folder, *(f"{prefix}_{split}.txt" for prefix in (name, _subset_of(name))))
        common = files.text("", f"IHD_{split}.txt")
        if own:
            lists[split] = [row.rpartition("/")[2] for row in files.lines(own)]
        elif common:
            rows = [row.rsplit("/", 2) for row in files.lines(common)]
            lists[split] = [
                row[-1] for row in rows if _subset_of(row[0].rpartition("/")[2]) == _subset_of(name)
            ]
    return lists
