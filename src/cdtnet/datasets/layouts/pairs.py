"""Folders of composites with masks, with or without real images."""

from __future__ import annotations

from .base import Files, Found, Problem, Sample, Unmatched, join, stem

EXPECTS = "composite_images, composites or images with masks, or <name>_mask beside each picture"
_COMPOSITES = ("composite_images", "composites", "composite", "images", "image")
_MASKS = ("masks", "mask")
_REALS = ("real_images", "reals", "real", "targets", "target", "gt")


def find(files: Files) -> Found | None:
    """Find all composites that have a mask; None if there is no such composite."""
    folder = files.folder("", *_COMPOSITES) or ""
    others = tuple(f"{name}/" for name in (files.folder("", *_MASKS), files.folder("", *_REALS)) if name)
    pictures = [path for path in files.pictures(folder, nested=True) if not path.startswith(others)]
    composites = [path for path in pictures if not is_mask(path)]
    shared, reals = _shared_mask(files, folder, composites), files.folder("", *_REALS)
    found = Found()
    left = set(files.pictures("", nested=True)).difference(composites)
    for path in composites:
        mask, real = _mask(files, folder, path) or shared, _real(files, folder, path)
        left.difference_update({mask, real})
        if not mask:
            found.problems.append(Problem(f"{path} has no mask."))
        elif reals and not real:
            found.problems.append(Problem(f"{path} has no real image in {reals}."))
        else:
            entries = files.entry(path), files.entry(mask), files.entry(real) if real else None
            found.samples.append(Sample(path, "", "", *entries))
    found.skipped = [Unmatched(f"{files.entry(path)} belongs to no composite here.") for path in sorted(left)]
    return found if found.samples else None


def is_mask(path: str) -> bool:
    """Check whether a picture is a mask by its name."""
    return stem(path) == "mask" or stem(path).endswith("_mask")


def _mask(files: Files, folder: str, path: str) -> str | None:
    name, masks = stem(path), files.folder("", *_MASKS)
    inside = path[len(folder) :].strip("/").rpartition("/")[0]
    beside = files.picture(path.rpartition("/")[0], f"{name}_mask")
    if not masks:
        return beside
    names = (name, name.rpartition("_")[0], f"{name}_mask")
    return files.picture(join(masks, inside).rstrip("/"), *names, like=".png") or beside


def _real(files: Files, folder: str, path: str) -> str | None:
    name, reals = stem(path), files.folder("", *_REALS)
    inside = path[len(folder) :].strip("/").rpartition("/")[0]
    names = (name, name.rpartition("_")[0], name.rsplit("_", 2)[0])
    return files.picture(join(reals, inside).rstrip("/"), *names, like=path[-4:]) if reals else None


def _shared_mask(files: Files, folder: str, composites: list[str]) -> str | None:
    """Return the one mask of a whole folder: `mask.*` in or beside it, or the only one."""
    single = files.picture(folder, "mask") or files.picture("", "mask")
    masks = files.pictures(files.folder("", *_MASKS))
    if single or len(masks) != 1:
        return single
    own = {part for path in composites for part in (stem(path), stem(path).rpartition("_")[0])}
    return None if stem(masks[0]) in own else masks[0]
