"""Photographs in a folder, with object masks if there are any, in memory as squares of one size."""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips
import torch
from torch import Tensor

from ..errors import DataError
from ..imaging.formats import JPEG, PNG, TIFF, WEBP
from ..system.forking import use_threads

PHOTO_SUFFIXES = {suffix for format_ in (JPEG, PNG, WEBP, TIFF) for suffix in format_.suffixes}


@dataclass(frozen=True)
class Photo:
    """A photograph on disk and its object masks."""

    path: Path
    source: str
    masks: tuple[Path, ...]


def find_photos(photos: Path, masks: Path | None = None, sources: Sequence[str] | None = None) -> list[Photo]:
    """List `photos/<source>/<name>.jpg` with their masks `masks/<source>/<name>.png` or `<name>__<k>.png`.

    Args:
        photos: A folder with one folder per source.
        masks: A folder of the same layout; masks have the photo's size, white = object.
        sources: The names of the sources to keep; all by default.

    Raises:
        DataError: There are no photographs.
    """
    by_name: dict[tuple[str, str], list[Path]] = {}
    for mask in sorted(masks.glob("*/*.png")) if masks else []:
        by_name.setdefault((mask.parent.name, re.sub(r"__\d+$", "", mask.stem)), []).append(mask)
    found = [
        Photo(path, path.parent.name, tuple(by_name.get((path.parent.name, path.stem), ())))
        for path in sorted(photos.glob("*/*"))
        if path.suffix.lower() in PHOTO_SUFFIXES and (sources is None or path.parent.name in sources)
    ]
    if not found:
        raise DataError(f"There are no photographs in {photos}; expected {photos}/<source>/<name>.jpg.")
    return found


@dataclass(frozen=True)
class PhotoStore:
    """Photographs resized to squares, for random sampling.

    Attributes:
        images: (P,3,S,S) uint8, RGB.
        masks: (1+M,S,S) uint8: an empty mask for photographs without masks, then all masks.
        first_mask: (P,), the index of each photograph's first mask in `masks`.
        mask_count: (P,), its number of masks.
        weights: (P,), the relative frequency of a photograph. Sources are weighted by the square root of
            their size, so that large ones do not dominate.
    """

    images: Tensor
    masks: Tensor
    first_mask: Tensor
    mask_count: Tensor
    weights: Tensor

    @property
    def size(self) -> int:
        """Side of the squares, in pixels."""
        return self.images.shape[-1]

    def to(self, device: torch.device) -> "PhotoStore":
        """Return the same store with its tensors on `device`."""
        return PhotoStore(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def load_photos(photos: Sequence[Photo], size: int) -> PhotoStore:
    """Read photographs and their masks into memory, resized to size×size with a low-pass filter."""
    images = torch.empty(len(photos), 3, size, size, dtype=torch.uint8)
    mask_paths = [path for photo in photos for path in photo.masks]
    masks = torch.zeros(1 + len(mask_paths), size, size, dtype=torch.uint8)

    def read_photo(job: tuple[int, Path]) -> None:
        images[job[0]] = torch.from_numpy(_square(job[1], size, "srgb")).permute(2, 0, 1)

    def read_mask(job: tuple[int, Path]) -> None:
        masks[job[0]] = torch.from_numpy(_square(job[1], size, "b-w"))[..., 0]

    _each(read_photo, enumerate(photo.path for photo in photos))
    _each(read_mask, enumerate(mask_paths, start=1))
    count = torch.tensor([len(photo.masks) for photo in photos])
    per_source = {source: sum(p.source == source for p in photos) for source in {p.source for p in photos}}
    weights = torch.tensor([per_source[photo.source] ** -0.5 for photo in photos])
    first = torch.where(count > 0, 1 + count.cumsum(0) - count, 0)
    return PhotoStore(images, masks, first, count, weights)


def _each(work: Callable[[tuple[int, Path]], None], jobs: Iterable[tuple[int, Path]]) -> None:
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(work, jobs):
            pass


def _square(path: Path, size: int, space: str) -> np.ndarray:
    use_threads()
    try:
        picture = pyvips.Image.thumbnail(str(path), size, height=size, size="force", fail_on="truncated")
        picture = picture.colourspace(space)
        return np.asarray(
            (picture.flatten() if picture.hasalpha() else picture).cast("uchar").numpy()
        ).reshape(size, size, -1)
    except pyvips.Error as error:
        raise DataError(f"{path} cannot be read: {str(error).strip().splitlines()[0]}.") from error
