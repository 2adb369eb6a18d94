"""RealHM: composite, mask and retouched target in one folder, with different endings of their names."""

from __future__ import annotations

from .base import Files, Found, Problem, Sample, stem

EXPECTS = "<name>_composite.jpg, <name>_mask.jpg and <name>_gt.jpg side by side"
_PARTS = ("_composite", "_mask", "_gt")


def find(files: Files) -> Found | None:
    """Find all tuples; None if none is complete."""
    tuples = {
        (path.rpartition("/")[0], stem(path).removesuffix(part))
        for path in files.pictures("", nested=True)
        for part in ("_composite", "_gt")
        if stem(path).endswith(part)
    }
    found = Found()
    for folder, name in sorted(tuples):
        paths = [files.picture(folder, name + part) for part in _PARTS]
        entries = [files.entry(path) for path in paths if path]
        if len(entries) == len(_PARTS):
            found.samples.append(Sample(entries[0].path, "", "", *entries))
        else:
            missing = " and ".join(name + part for part, path in zip(_PARTS, paths, strict=True) if not path)
            found.problems.append(Problem(f"{missing} is missing in {folder or files.name}."))
    return found if found.samples else None
