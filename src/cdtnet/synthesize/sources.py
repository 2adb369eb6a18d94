"""The pictures in a user's folders, their names in the data set, and their masks."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..datasets.tree import Entry, open_tree
from ..errors import DataError
from ..imaging.formats import SUFFIXES, has_picture_suffix

_NUMBERED = (r"__\d+$", r"_\d+$", r"_mask$")  # suffixes of masks' names after the photo's name

_LONGEST = 200  # bytes; the limit of file systems is 255


@dataclass(frozen=True)
class SourcePhoto:
    """A photo and its object masks.

    Attributes:
        name: Its name in the data set; unique among photos.
        photo: Its file.
        masks: The files of its masks.
    """

    name: str
    photo: Entry
    masks: tuple[Entry, ...] = ()


def pictures(folder: Path) -> dict[str, Entry]:
    """Find all pictures in a folder, zip or tar archive, by their paths without suffix.

    Raises:
        DataError: It is missing, unreadable, without pictures, or has two that differ only in their suffix.
    """
    tree = open_tree(folder)
    found: dict[str, Entry] = {}
    for path in tree.files():
        if not has_picture_suffix(path) or any(part.startswith(".") for part in path.split("/")):
            continue
        key = path.rpartition(".")[0]
        if key in found:
            raise DataError(
                f"{found[key]} and {Entry(tree, path)} have the same name; rename or remove one of them."
            )
        found[key] = Entry(tree, path)
    if not found:
        raise DataError(f"There are no pictures ({', '.join(SUFFIXES)}) in {folder}.")
    return found


def names(keys: Iterable[str]) -> dict[str, str]:
    """Return the pictures' names in the data set, by their paths without suffix.

    A name is the last part of the path, or, if several pictures share that, all parts joined by `-`.
    Characters that lists of files cannot contain (line breaks, backslashes, spaces at the ends) become `-`.

    Raises:
        DataError: Two pictures would still have the same name.
    """
    paths = {key: _tidy(key.rpartition("/")[2]) for key in keys}
    shared = Counter(_fold(name) for name in paths.values())
    unique = {key: name if shared[_fold(name)] == 1 else _tidy(key) for key, name in paths.items()}
    taken: dict[str, str] = {}
    for key, name in unique.items():
        other = taken.setdefault(_fold(name), key)
        if other != key:
            raise DataError(f"{other!r} and {key!r} would both be named {name!r}; rename one of the files.")
        if any("\ud800" <= character <= "\udfff" for character in key):
            raise DataError(f"The name {key!r} is not UTF-8; rename the file.")
        if len(name.encode()) > _LONGEST:
            raise DataError(f"The name {key!r} is too long to add numbers; rename the file.")
    return unique


def _tidy(path: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\/]|^\s+|\s+$", "-", path)


def _fold(name: str) -> str:
    """Map names that some file systems treat as equal to the same name."""
    return unicodedata.normalize("NFC", name).casefold()


def photos_with_masks(photos: Path, masks: Path | None) -> tuple[list[SourcePhoto], list[str]]:
    """Find photos in a folder and their masks in another, at the same paths; sorted by name.

    A mask has its photo's name, optionally followed by `__1`, `_1` (any number) or `_mask`.

    Returns:
        The photos, and the paths of masks that belong to none of them.
    """
    found = pictures(photos)
    called = names(found)
    owned, lost = match_masks(found, pictures(masks) if masks else {})
    made = [SourcePhoto(called[key], entry, tuple(owned[key])) for key, entry in found.items()]
    return sorted(made, key=lambda photo: photo.name), lost


def match_masks(photos: Iterable[str], masks: dict[str, Entry]) -> tuple[dict[str, list[Entry]], list[str]]:
    """Return the masks of photos, in the order of their numbers, and unmatched masks."""
    owned: dict[str, list[Entry]] = {key: [] for key in photos}
    lost = []
    for key in sorted(masks, key=_by_number):
        stripped = (re.sub(pattern, "", key) for pattern in _NUMBERED)
        owner = next((name for name in (key, *stripped) if name in owned), None)
        if owner is None:
            lost.append(str(masks[key]))
        else:
            owned[owner].append(masks[key])
    return owned, lost


def describe_lost(masks: Sequence[str]) -> list[str]:
    """Describe masks that belong to no photo; an empty list if there are none."""
    return [f"{len(masks)} masks belong to no photo, such as {masks[0]}."] if masks else []


def _by_number(key: str) -> list[tuple[int, str]]:
    """Return a sort key that puts `a_2` before `a_10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", key)]


def versions(folders: Sequence[Path], masks: Path) -> dict[str, dict[str, Entry]]:
    """Return the pictures in the folders of versions of photos, by the version's name.

    Args:
        folders: One folder per version, or one folder that contains a folder per version.
        masks: A folder that is not a version, if it is among them.

    Raises:
        DataError: There are fewer than two versions.
    """
    if len(folders) > 1:
        labels = _labels(folders)
        return {label: pictures(folder) for label, folder in zip(labels, folders, strict=True)}
    found: dict[str, dict[str, Entry]] = {}
    for key, entry in pictures(folders[0]).items():
        label, _, rest = key.partition("/")
        if rest and (folders[0] / label).absolute() != masks.absolute():
            found.setdefault(label, {})[rest] = entry
    if len(found) < 2:
        raise DataError(
            f"{folders[0]} needs at least two folders, one for each version, with the same file names."
        )
    return found


def _labels(folders: Sequence[Path]) -> list[str]:
    """Return the shortest endings of the folders' paths that differ."""
    parts = [folder.absolute().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(part[-length:]) for part in parts]
        if len(set(labels)) == len(labels):
            return labels
    raise DataError("One folder of versions is given twice.")
