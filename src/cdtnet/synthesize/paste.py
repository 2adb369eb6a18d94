"""Pasting objects cut out of photos onto others, as for the 100 real composites; there is no ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..datasets.tree import Entry
from ..errors import DataError
from ..imaging.geometry import Window, extent
from .instances import Instance
from .pictures import Bytes, blend, feather, limit, read_photo, resize
from .sources import SourcePhoto
from .tasks import Finished, Folder, Row, seed_of

TRIES = 12  # number of objects tried per composite
COVERED = (0.02, 0.3)  # range of the share of the background that an object covers
_LEAST_COVERED = 0.01
_LARGEST = 0.9  # largest size of an object, as a share of the background's sides
_MAGNIFIED = 1.25  # largest magnification; more would look soft
_DRIFT = 0.1  # largest vertical shift from the position in its own photo, as a share of the height
_SMALLEST = 16  # smallest side of an object in its photo, in pixels
_BORDER = 2  # least distance of an object from its photo's border, in pixels


class Cut(NamedTuple):
    """A cut-out object: colors (h,w,3), mask (h,w), and the vertical position of its center, 0..1."""

    pixels: Bytes
    mask: Bytes
    height: float


@dataclass(frozen=True)
class Paste:
    """A background and the objects that may be pasted on it.

    Attributes:
        name: The name of the background in the data set.
        background: Its file.
        objects: The candidates for each composite.
    """

    name: str
    background: Entry
    objects: tuple[tuple[Instance, ...], ...]

    def run(self, folder: Folder) -> Finished:
        """Paste the first object that fits, for each composite."""
        finished = Finished(self.name)
        background = limit(read_photo(self.background), folder.size)
        for k, candidates in enumerate(self.objects, start=1):
            self._composite(folder, k, background, candidates, finished)
        return finished

    def _composite(
        self, folder: Folder, k: int, background: Bytes, candidates: Sequence[Instance], finished: Finished
    ) -> None:
        seed = seed_of(folder.seed, self.name, k)
        random = np.random.default_rng(seed)
        for instance in candidates:
            try:
                placed = place(cut_out(instance), background.shape[:2], random)
            except DataError as error:
                finished.problems.append(str(error))
                continue
            if placed is None:
                continue
            pixels, mask, window = placed
            stem = f"{self.name}_{k}"
            method = f"paste {instance.label} at {window.left},{window.top}"
            files = (folder.picture_name(stem), f"{stem}.png", "")
            row = Row(*files, str(self.background), str(instance.photo), instance.label, method, seed)
            whole = np.zeros(background.shape[:2], np.uint8)
            whole[window.slices] = mask
            composite = background.copy()
            composite[window.slices] = blend(pixels, background[window.slices], mask)
            folder.add(row, composite, whole)
            finished.rows.append(row)
            return
        height, width = background.shape[:2]
        finished.problems.append(
            f"None of {len(candidates)} objects fits on {self.background} at {width}×{height}; "
            "reduce the backgrounds with --size."
        )


def cut_out(instance: Instance) -> Cut | None:
    """Cut an object out of its photo; None if it touches the border or is too small at full resolution.

    Raises:
        DataError: The photo or its annotation is damaged.
    """
    photo = read_photo(instance.photo)
    try:
        mask = instance.shape(*photo.shape[:2])
    except DataError as error:
        raise DataError(f"The object {instance.label} of {instance.photo} is skipped: {error}") from error
    window = extent(mask > 127)
    if window is None or min(window.size) < _SMALLEST:
        return None
    around = window.grow(_BORDER, *mask.shape)
    if around != tuple(np.add(window, (-_BORDER, -_BORDER, _BORDER, _BORDER))):
        return None
    return Cut(photo[around.slices], mask[around.slices], (window.top + window.bottom) / 2 / len(mask))


def place(
    cut: Cut | None, size: tuple[int, int], random: np.random.Generator
) -> tuple[Bytes, Bytes, Window] | None:
    """Scale an object and choose its position on a background of `size` (H,W).

    The share of the background that it covers is random, and so is its horizontal position. Its vertical
    position is about that in its own photo, so that objects stay on the ground.

    Returns:
        Its colors, its mask with a soft edge, and its window; None if it would be too small.
    """
    if cut is None:
        return None
    height, width = size
    area = float((cut.mask > 127).sum())
    covered = np.exp(random.uniform(*np.log(COVERED)))
    rows, columns = cut.mask.shape
    most = min(_MAGNIFIED, _LARGEST * height / rows, _LARGEST * width / columns)
    scale = min(most, (covered * height * width / area) ** 0.5)
    if area * scale**2 < _LEAST_COVERED * height * width:
        return None
    rows, columns = max(1, round(rows * scale)), max(1, round(columns * scale))
    middle = (cut.height + random.uniform(-_DRIFT, _DRIFT)) * height
    top = int(np.clip(middle - rows / 2, 0, height - rows))
    left = int(random.integers(0, width - columns + 1))
    mask = feather(resize(cut.mask, rows, columns))
    return resize(cut.pixels, rows, columns), mask, Window(top, left, top + rows, left + columns)


def plan(
    backgrounds: Sequence[SourcePhoto], instances: Sequence[Instance], *, per_background: int, seed: int
) -> list[Paste]:
    """Make a task for each background, with objects of other photos drawn for it."""
    tasks = []
    for photo in backgrounds:
        random = np.random.default_rng(seed_of(seed, photo.name, "objects"))
        objects = []
        for _ in range(per_background):
            drawn = random.choice(len(instances), min(len(instances), TRIES), replace=False)
            objects.append(tuple(instances[i] for i in drawn if instances[i].photo != photo.photo))
        tasks.append(Paste(photo.name, photo.photo, tuple(objects)))
    return tasks
