"""ccHarmony: ten composites of each foreground, and lists of the foregrounds of both splits."""

from __future__ import annotations

from .base import Files, Found, Problem, stem
from .triplets import COMPOSITES, add_triplet, is_set

EXPECTS = "composite_images/<foreground>/<foreground>_<k>.jpg, masks, real_images and train_list.txt"
_COMPOSITES_EACH = 10


def find(files: Files) -> Found | None:
    """Find the composites of the listed foregrounds, or of all if there are no lists; None if none."""
    lists = {split: files.text("", f"{split}_list.txt") for split in ("train", "test")}
    composites = files.folder("", COMPOSITES)
    pictures = files.pictures(composites, nested=True)
    if not (any(lists.values()) or len(pictures) > len(files.pictures(composites))) or not is_set(files, ""):
        return None
    by_foreground: dict[str, list[str]] = {}
    for path in pictures:
        by_foreground.setdefault(stem(path).rpartition("_")[0], []).append(path)
    splits = {line: split for split, path in lists.items() if path for line in files.lines(path)}
    found = Found()
    for foreground, split in (splits or dict.fromkeys(by_foreground, "")).items():
        paths = by_foreground.get(foreground, [])
        if len(paths) < _COMPOSITES_EACH:
            sentence = f"{foreground} has {len(paths)} of its {_COMPOSITES_EACH} composites."
            found.problems.append(Problem(sentence, split=split))
        for path in paths:
            add_triplet(found, files, "", path, split=split)
    if splits and (unlisted := len(by_foreground.keys() - splits.keys())):
        found.notes.append(f"Foregrounds in no list, left out: {unlisted:,}.")
    return found
