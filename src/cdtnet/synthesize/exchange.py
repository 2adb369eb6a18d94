"""Exchanging foregrounds between retouched versions of a photo, as in HAdobe5k."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..datasets.tree import Entry
from ..errors import DataError
from .pictures import Bytes, blend, limit, read_mask, read_photo
from .sources import describe_lost, match_masks, names
from .tasks import Finished, Folder, Row, seed_of


@dataclass(frozen=True)
class Exchange:
    """A photo in several versions.

    Attributes:
        name: The name of the photo in the data set.
        versions: The files of its versions, by their names.
        masks: The files of its masks.
        target: The version that is the ground truth and the background; None draws one.
        per_mask: The largest number of composites per mask; None uses all other versions.
    """

    name: str
    versions: tuple[tuple[str, Entry], ...]
    masks: tuple[Entry, ...]
    target: str | None = None
    per_mask: int | None = None

    def run(self, folder: Folder) -> Finished:
        """Paste the foregrounds of other versions onto the target, for every mask."""
        finished = Finished(self.name)
        target, others = self._draw(folder.seed)
        photo = read_photo(target)
        real = limit(photo, folder.size)
        for m, mask_entry in enumerate(self.masks, start=1):
            try:
                mask = limit(read_mask(mask_entry, photo), folder.size)
            except DataError as error:
                finished.problems.append(str(error))
                continue
            for k, (version, entry) in enumerate(others, start=1):
                row = Row(
                    composite=folder.picture_name(f"{self.name}_{m}_{k}"),
                    mask=f"{self.name}_{m}.png",
                    real=folder.picture_name(self.name),
                    photo=str(target),
                    foreground=str(entry),
                    mask_source=str(mask_entry),
                    method=f"exchange {version}",
                    seed=seed_of(folder.seed, self.name),
                )

                def composite(entry: Entry = entry, mask: Bytes = mask) -> Bytes:
                    return blend(limit(_version(entry, photo, target), folder.size), real, mask)

                try:
                    folder.add(row, composite, mask, real)
                    finished.rows.append(row)
                except DataError as error:
                    finished.problems.append(str(error))
        return finished

    def _draw(self, seed: int) -> tuple[Entry, list[tuple[str, Entry]]]:
        """Draw the target, and the versions of the pasted foregrounds."""
        random = np.random.default_rng(seed_of(seed, self.name))
        by_name = dict(self.versions)
        target = self.target or self.versions[random.integers(len(by_name))][0]
        others = [item for item in self.versions if item[0] != target]
        count = min(self.per_mask or len(others), len(others))
        chosen = sorted(random.choice(len(others), count, replace=False))
        return by_name[target], [others[i] for i in chosen]


def _version(entry: Entry, photo: Bytes, target: Entry) -> Bytes:
    version = read_photo(entry)
    if version.shape != photo.shape:
        sizes = [f"{shape[1]}×{shape[0]}" for shape in (version.shape, photo.shape)]
        raise DataError(
            f"{entry} has {sizes[0]} pixels, but {target} {sizes[1]}; all versions need the same size."
        )
    return version


def plan(
    versions: Mapping[str, Mapping[str, Entry]],
    masks: dict[str, Entry],
    target: str | None = None,
    per_mask: int | None = None,
) -> tuple[list[Exchange], list[str]]:
    """Make a task for each photo that has a mask and at least two versions, including the target.

    Returns:
        The tasks, and a sentence for each kind of picture that cannot be used.

    Raises:
        DataError: There is no such version, or no photo can be used.
    """
    if target is not None and target not in versions:
        raise DataError(f"There is no version {target!r}; choose {', '.join(versions)}.")
    keys = sorted({key for version in versions.values() for key in version})
    owned, lost = match_masks(keys, masks)
    called = names(keys)
    tasks = []
    for key in keys:
        found = tuple((name, version[key]) for name, version in versions.items() if key in version)
        if owned[key] and len(found) > 1 and (target is None or key in versions[target]):
            tasks.append(Exchange(called[key], found, tuple(owned[key]), target, per_mask))
    if not tasks:
        raise DataError(
            "No photo has a mask and two versions; the files of a photo need the same name in all folders."
        )
    notes = describe_lost(lost)
    if len(tasks) < len(keys):
        notes.append(f"{len(keys) - len(tasks)} of {len(keys)} photos lack a mask or a second version.")
    return tasks, notes
