"""Triplets of composite, mask and real image with iHarmony4's naming: X_m_k, X_m and X."""

from __future__ import annotations

from .base import Files, Found, Problem, Sample, join, stem

COMPOSITES = "composite_images"
MASKS = ("masks", "mask", "foreground_masks")
REALS = ("real_images",)


def is_set(files: Files, folder: str) -> bool:
    """Check whether a folder contains composites, masks and real images, at least one of each matching."""
    found = Found()
    return any(
        add_triplet(found, files, folder, composite)
        for composite in files.pictures(files.folder(folder, COMPOSITES), nested=True)
    )


def add_triplet(
    found: Found, files: Files, folder: str, composite: str, subset: str = "", split: str = ""
) -> bool:
    """Add the sample of a composite `X_m_k`, or report what is missing: mask `X_m`, real image `X`.

    Only the file's name is split, because names of folders may contain `_`, too.
    """
    x, m, _ = ["", "", *stem(composite).rsplit("_", 2)][-3:]
    if not x:
        found.problems.append(Problem(f"{composite} is not named <real>_<mask>_<number>.", subset, split))
        return False
    masks, reals = files.folder(folder, *MASKS), files.folder(folder, *REALS)
    mask = files.picture(masks, f"{x}_{m}", like=".png")
    real = files.picture(reals, x, like=composite[-4:])
    if mask and real:
        found.samples.append(
            Sample(composite, subset, split, files.entry(composite), files.entry(mask), files.entry(real))
        )
        return True
    missing = [] if mask else [f"mask {masks or join(folder, MASKS[0])}/{x}_{m}.png"]
    missing += [] if real else [f"real image {reals or join(folder, REALS[0])}/{x}.*"]
    found.problems.append(Problem(f"{composite} lacks its {' and '.join(missing)}.", subset, split))
    return False
