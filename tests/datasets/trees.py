"""Tiny data sets on disk in the published layouts, with random pixels, so that all pictures differ."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

# The composites of each sub-set, with the ids that are found there.
IHARMONY4 = {
    "HCOCO": ["c98_1251_1", "c98_1251_2", "c140_530_1"],
    "HAdobe5k": ["a0001_1_1", "a0001_1_5", "a0007_2_3"],
    "HFlickr": ["f6_1_1", "f17_2_2"],
    "Hday2night": ["d90000014-10_1_2", "d90000014-10_1_12"],
}
CCHARMONY = {"train": ["8D5U5531_a", "IMG_0281_b"], "test": ["Canon1DsMkIII_0016_b"]}


def picture(path: Path, size=(16, 12), mode="RGB", **options) -> Path:
    """Write a picture of random pixels, the same for the same path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = np.frombuffer(path.name.encode(), np.uint8).tolist()
    shape = (size[1], size[0], len(mode)) if len(mode) > 1 else (size[1], size[0])
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(path, **options)
    return path


def mask(path: Path, size=(16, 12), foreground=0.25, **options) -> Path:
    """Write a mask whose left part is foreground."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros((size[1], size[0]), np.uint8)
    array[:, : round(size[0] * foreground)] = 255
    Image.fromarray(array).save(path, **options)
    return path


def triplet(folder: Path, name: str, inside: str = "") -> None:
    """`<name>` is X_m_k: its composite, mask X_m and real image X."""
    picture(folder / "composite_images" / inside / f"{name}.jpg")
    mask(folder / "masks" / f"{name.rsplit('_', 1)[0]}.png")
    picture(folder / "real_images" / f"{name.rsplit('_', 2)[0]}.jpg")


def iharmony4(root: Path, *, common_lists=True, own_lists=True, rename=None) -> Path:
    """Write the four sub-sets; the last composite of each is for testing.

    Args:
        root: Where to build it.
        common_lists: Write IHD_train.txt and IHD_test.txt.
        own_lists: Write <Set>_train.txt and <Set>_test.txt.
        rename: Other names for sub-sets' folders.
    """
    rows = {"train": [], "test": []}
    for subset, names in IHARMONY4.items():
        folder = root / (rename or {}).get(subset, subset)
        for name in names:
            triplet(folder, name)
        own = {"train": [f"{name}.jpg" for name in names[:-1]], "test": [f"{names[-1]}.jpg"]}
        for split, listed in own.items():
            rows[split] += [f"{folder.name}/composite_images/{name}" for name in listed]
            if own_lists:
                (folder / f"{folder.name}_{split}.txt").write_text("\n".join(listed) + "\n")
    for split, listed in rows.items() if common_lists else ():
        (root / f"IHD_{split}.txt").write_text("\n".join(listed) + "\n")
    return root


def ccharmony(root: Path, *, nested=True, lists=True) -> Path:
    """Three foregrounds with ten composites each."""
    for split, foregrounds in CCHARMONY.items():
        for foreground in foregrounds:
            for k in range(1, 11):
                triplet(root, f"{foreground}_{k}", foreground if nested else "")
        if lists:
            (root / f"{split}_list.txt").write_text("\n".join(foregrounds) + "\n")
    return root


def realhm(root: Path) -> Path:
    """Write two tuples in two folders, with the other files of the download."""
    for folder, name in (("vendor_testing_1", "portrait_12"), ("vendor_testing_2", "IMG_7_3")):
        for part in ("_composite", "_gt", "_small", "_fore", ""):
            picture(root / folder / f"{name}{part}.jpg")
        mask(root / folder / f"{name}_mask.jpg", quality=60)
    return root


def real_composites(root: Path) -> Path:
    """Composites with masks of the same name, no ground truth."""
    for name in ("1", "00a7_x", "cat on a wall", "école_2"):
        picture(root / "composite" / f"{name}.jpg")
        mask(root / "mask" / f"{name}.png")
    return root


def zipped(folder: Path, *, top="") -> Path:
    """Write a zip archive of a folder, with a top-level folder if requested."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, Path(top) / file.relative_to(folder))
    return path


def tarred(folder: Path, *, top=".", suffix=".tar") -> Path:
    """Write a tar archive of a folder, compressed as the suffix says."""
    path = folder.with_name(folder.name + suffix)
    with tarfile.open(path, f"w:{suffix[5:]}") as archive:
        archive.add(folder, top)
    return path


def truncate(path: Path) -> None:
    """Truncate a file to half of its size."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def copy(path: Path, target: Path) -> Path:
    """Copy a file to a folder, which is created."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(path, target))
