"""Composite, mask and real image found by the naming of iHarmony4: X_m_k, X_m and X."""

from __future__ import annotations

from .base import Files, Found, Problem, Sample, join, stem

COMPOSITES, MASKS, REALS = "composite_images", "masks", "real_images"


def is_set(files: Files, folder: str) -> bool:
    """Whether a folder holds composites, masks and real images, and at least one composite fits a mask."""
    composites, masks, reals = (files.folder(folder, name) for name in (COMPOSITES, MASKS, REALS))
    if not (composites and masks and reals):
        return False
    return any(
        files.picture(masks, stem(path).rpartition("_")[0])
        and files.picture(reals, stem(path).rsplit("_", 2)[0])
        for path in files.pictures(composites, nested=True)
    )


def add_triplet(found: Found, files: Files, folder: str, composite: str, subset: str, split: str) -> None:
    """Add the sample of a composite `X_m_k`, or say what is missing: mask `X_m`, real image `X`."""
    masks, reals = files.folder(folder, MASKS), files.folder(folder, REALS)
    parts = stem(composite).rsplit("_", 2)
    if len(parts) < 3:
        found.problems.append(Problem(f"{composite} is not named <real>_<mask>_<number>.", subset, split))
        return
    mask = files.picture(masks or MASKS, "_".join(parts[:2]), like=".png")
    real = files.picture(reals or REALS, parts[0], like=composite[-4:])
    if mask and real:
        entries = [files.entry(path) for path in (composite, mask, real)]
        found.samples.append(Sample(composite, subset, split, *entries))
        return
    missing = [] if mask else [f"mask {join(folder, MASKS)}/{'_'.join(parts[:2])}.png"]
    missing += [] if real else [f"real image {join(folder, REALS)}/{parts[0]}.*"]
    found.problems.append(Problem(f"{composite} lacks its {' and '.join(missing)}.", subset, split))
