"""Recoloring foregrounds of photos, as for the training of the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.tree import Entry
from ..errors import DataError
from .pictures import Bytes, limit, read_mask, read_photo
from .recoloring import LOW, draw, generated_mask, one_thread
from .sources import SourcePhoto
from .tasks import Finished, Folder, Row, seed_of

TRANSFERRED = 0.36  # share of composites with another photo's colors, as in composites/synthesis.py


@dataclass(frozen=True)
class Recolor:
    """A photo and its masks.

    Attributes:
        source: The photo.
        donors: Other photos from which colors may be transferred.
        per_mask: The number of composites per mask.
    """

    source: SourcePhoto
    donors: tuple[SourcePhoto, ...]
    per_mask: int = 1

    @property
    def name(self) -> str:
        """The photo's name in the data set."""
        return self.source.name

    def run(self, folder: Folder) -> Finished:
        """Recolor each foreground, or a generated region where the photo has no mask."""
        finished = Finished(self.name)
        photo = read_photo(self.source.photo)
        real = limit(photo, folder.size)
        with one_thread():
            for m, entry in enumerate(self.source.masks or (None,), start=1):
                try:
                    mask = self._mask(entry, photo, folder)
                except DataError as error:
                    finished.problems.append(str(error))
                    continue
                for k in range(1, self.per_mask + 1):
                    finished.rows.append(self._composite(folder, m, k, real, mask, entry))
        return finished

    def _mask(self, entry: Entry | None, photo: Bytes, folder: Folder) -> Bytes:
        if entry:
            return limit(read_mask(entry, photo), folder.size)
        return generated_mask(limit(photo, folder.size), seed_of(folder.seed, self.name, "mask"))

    def _composite(
        self, folder: Folder, m: int, k: int, real: Bytes, mask: Bytes, entry: Entry | None
    ) -> Row:
        random = np.random.default_rng(seed_of(folder.seed, self.name, m, k))
        donor, colors = self._donor(random) if random.random() < TRANSFERRED else (None, None)
        recoloring = draw(real, mask, colors, folder.seed, self.name, m, k)
        row = Row(
            composite=folder.picture_name(f"{self.name}_{m}_{k}"),
            mask=f"{self.name}_{m}.png",
            real=folder.picture_name(self.name),
            photo=str(self.source.photo),
            foreground=str(donor.photo) if donor else "",
            mask_source=str(entry or "generated"),
            method=recoloring.method,
            seed=recoloring.seed,
        )
        folder.add(row, lambda: recoloring.apply(real, mask), mask, real)
        return row

    def _donor(self, random: np.random.Generator) -> tuple[SourcePhoto | None, tuple[Bytes, Bytes] | None]:
        """Read a donor, reduced, with its first mask or else all of it as foreground."""
        for i in random.permutation(len(self.donors)):
            donor = self.donors[i]
            try:
                photo = read_photo(donor.photo)
                mask = (
                    read_mask(donor.masks[0], photo)
                    if donor.masks
                    else np.full(photo.shape[:2], 255, np.uint8)
                )
            except DataError:
                continue
            return donor, (limit(photo, LOW), limit(mask, LOW))
        return None, None


def plan(
    photos: Sequence[SourcePhoto], *, per_mask: int, generate: bool, seed: int
) -> tuple[list[Recolor], list[str]]:
    """Make a task for each photo with masks, or for every photo if regions are to be generated.

    Returns:
        The tasks, and a note if some photos cannot be used.

    Raises:
        DataError: No photo can be used.
    """
    usable = [photo for photo in photos if photo.masks or generate]
    if not usable:
        raise DataError(
            "No photo has a mask; a mask needs its photo's name, with or without a number. "
            "Add --generate-masks to generate regions."
        )
    tasks = []
    for photo in usable:
        random = np.random.default_rng(seed_of(seed, photo.name, "donors"))
        chosen = random.permutation(len(photos))[: per_mask + 4]
        donors = tuple(photos[i] for i in chosen if photos[i] is not photo)
        tasks.append(Recolor(photo, donors, per_mask))
    left = len(photos) - len(usable)
    return tasks, [
        f"{left} of {len(photos)} photos have no mask; --generate-masks generates masks."
    ] if left else []
