"""Small pictures of a user: photos, masks, and the same photos retouched."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (90, 60)  # width, height


def draw_photo(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Make smooth colors, so that JPEG changes little."""
    coarse = np.random.default_rng(seed).integers(30, 226, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def draw_mask(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Make a rectangle at a random position."""
    mask = np.zeros(size[::-1], np.uint8)
    top, left = np.random.default_rng(seed).integers(5, 15, 2)
    mask[top : top + size[1] // 2, left : left + size[0] // 2] = 255
    return Image.fromarray(mask)


def save(image: Image.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def array(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file, by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def own_pictures(tmp_path_factory) -> Path:
    """`photos/` and `masks/` of ten photos in two folders, and `versions/` of three by two retouchers."""
    root = tmp_path_factory.mktemp("own pictures")
    for k in range(10):
        source = "day" if k < 6 else "night"
        save(draw_photo(k), root / "photos" / source / f"p{k}.png")
        save(draw_mask(k), root / "masks" / source / f"p{k}__1.png")
    save(draw_mask(50), root / "masks" / "day" / "p0__2.png")
    for k in range(3):
        photo = draw_photo(k)
        save(photo, root / "versions" / "original" / f"a000{k}.png")
        save(photo.point(lambda value: value // 2), root / "versions" / "expertA" / f"a000{k}.tif")
        save(photo.point(lambda value: 255 - value), root / "versions" / "expertB" / f"a000{k}.png")
        save(draw_mask(k), root / "version masks" / f"a000{k}_1.png")
    return root
