"""Shared parts of the three modes: a task per photo, and the output folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from ..imaging import Picture
from ..imaging.write import encode_picture
from ..system.atomic import write_file
from .pictures import Bytes

Pixels = Bytes | Callable[[], Bytes]  # or a function that makes them when needed


class Row(NamedTuple):
    """The sources of one composite; a line of `sources.csv`.

    Attributes:
        composite: The file name of the composite.
        mask: The file name of its mask.
        real: The file name of the ground truth, or "" without one.
        photo: The source of the background, and of the ground truth.
        foreground: The source of the foreground's pixels, or of its new colors; "" without one.
        mask_source: The source of the mask.
        method: The method.
        seed: The seed of its random numbers.
    """

    composite: str
    mask: str
    real: str
    photo: str
    foreground: str
    mask_source: str
    method: str
    seed: int


@dataclass
class Finished:
    """The result of a task: a line per composite, and a sentence per skipped source."""

    name: str
    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Folder:
    """The folder of a data set, with the options for writing pictures.

    Attributes:
        path: The folder, with `composite_images`, `masks` and, if there is a ground truth, `real_images`.
        seed: The seed of the data set.
        size: The longest side of a picture in pixels; None keeps the size of photos.
        quality: The quality of JPEG files, 1..100.
        lossless: Whether photos become PNG instead of JPEG files.
    """

    path: Path
    seed: int = 0
    size: int | None = None
    quality: int = 95
    lossless: bool = False

    def picture_name(self, stem: str) -> str:
        """Return the file name of a composite or ground truth."""
        return stem + (".png" if self.lossless else ".jpg")

    def add(self, row: Row, composite: Pixels, mask: Bytes, real: Bytes | None = None) -> None:
        """Write the missing files of a composite, its mask and its ground truth; the composite last.

        Raises:
            WriteError: The disk is full, or the folder cannot be written.
        """
        self._write("masks", row.mask, mask)
        if real is not None:
            self._write("real_images", row.real, real)
        self._write("composite_images", row.composite, composite)

    def is_whole(self, row: Row) -> bool:
        """Check whether all files of a composite exist."""
        files = (("composite_images", row.composite), ("masks", row.mask), ("real_images", row.real))
        return all((self.path / folder / name).is_file() for folder, name in files if name)

    def _write(self, folder: str, name: str, pixels: Pixels) -> None:
        path = self.path / folder / name
        if not path.is_file():
            made = pixels() if callable(pixels) else pixels
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = Picture(made[..., None] if made.ndim == 2 else made)
            write_file(path, encode_picture(picture, path.suffix, quality=self.quality))


class Task(Protocol):
    """The composites of one photo; can be sent to another process."""

    @property
    def name(self) -> str:
        """The name of the photo in the data set."""

    def run(self, folder: Folder) -> Finished:
        """Make and write the composites.

        Raises:
            DataError: The photo itself cannot be used.
            WriteError: A file cannot be written.
        """


def seed_of(seed: int, *item: str | int) -> int:
    """Derive the seed of an item, 0..2⁶³-1, from the item and the data set's seed only."""
    text = "\0".join(map(str, (seed, *item))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
