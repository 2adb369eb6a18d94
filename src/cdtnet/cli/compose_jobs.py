"""The pictures that `cdtnet compose` makes from folders: each cut-out on each background."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..datasets.layouts.pairs import is_mask
from ..errors import PictureError
from ..imaging.formats import has_picture_suffix, why_unread
from .options import say


class Job(NamedTuple):
    """A picture to be made.

    Attributes:
        foregrounds: The files of the foregrounds, the last one on top.
        masks: The mask files of the foregrounds, if they have any.
        background: The background file; None for the layers below a layered file's highest layer.
    """

    foregrounds: Sequence[str]
    masks: Sequence[str]
    background: str | None

    @property
    def inputs(self) -> list[str]:
        """Return all input files."""
        return [*self.foregrounds, *([self.background] if self.background else []), *self.masks]

    def name(self, *more: str) -> str:
        """Return the part of the result's name after the background's: the foregrounds' names, and more."""
        stems = [Path(name).stem for name in self.foregrounds if name != "-"]
        return "_".join([*stems, *more])


def find_jobs(arguments: argparse.Namespace) -> Iterator[Job]:
    """Yield each cut-out of the folders on each background; a photo's mask is beside it, as for batches."""
    foregrounds: list[Sequence[str]]
    *given, place = arguments.pictures
    if not given:
        raise PictureError("Give a background (a picture or a folder) after the foregrounds.")
    if any(map(os.path.isdir, given)):
        foregrounds = [[file] for name in given for file in _pictures(name)]
    else:
        foregrounds = [given]
    for names in foregrounds:
        masks = [arguments.mask] if arguments.mask else _masks_beside(names)
        for background in _pictures(place):
            yield Job(names, masks, background)


def _pictures(name: str) -> list[str]:
    """Return the pictures in a folder, without masks; a file itself."""
    if not os.path.isdir(name):
        return [name]
    files = [str(path) for path in sorted(Path(name).iterdir()) if path.is_file()]
    for file in files:
        if sentence := why_unread(file):
            say(f"Skipped: {sentence}")
    found = [file for file in files if has_picture_suffix(file) and not is_mask(Path(file).name)]
    if not found:
        raise PictureError(f"There are no pictures in {name}.")
    return found


def _masks_beside(foregrounds: Sequence[str]) -> list[str]:
    """Return the mask beside each foreground from a folder, such as cat_mask.png beside cat.jpg."""
    path = Path(foregrounds[0])
    beside = sorted(path.parent.glob(f"{path.stem}_mask.*")) if len(foregrounds) == 1 else []
    return [str(file) for file in beside if has_picture_suffix(str(file))][:1]


def check_names(arguments: argparse.Namespace, jobs: Sequence[Job]) -> None:
    """Check that results go into a folder, and have different names.

    Raises:
        PictureError: The output is not a folder, or two results would have the same name.
    """
    if not arguments.output or not os.path.isdir(arguments.output):
        raise PictureError("Folders give several pictures; give an existing folder with -o.")
    if arguments.mask_output or arguments.composite_output or arguments.layer or arguments.layer_name:
        raise PictureError("Masks, composites and layers are written for single pictures, not for folders.")
    taken: dict[str, Job] = {}
    for job in jobs:
        name = f"{Path(str(job.background)).stem}_{job.name()}"
        other = taken.setdefault(name, job)
        if other is not job:
            raise PictureError(
                f"{job.foregrounds[0]} on {job.background} and {other.foregrounds[0]} on {other.background} "
                f"would both be written to {name}; rename one."
            )
