"""Shared parts of the three ways to make composites: a task for each photo, and the output folder."""

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

Pixels = Bytes | Callable[[], Bytes]  # or what makes them, where they are needed


class Row(NamedTuple):
    """The sources of one composite; a line of `sources.csv`.

    Attributes:
        composite: File name of the composite.
        mask: File name of its mask.
        real: File name of the ground truth, or "" where there is none.
        photo: The source of the background, and of the ground truth.
        foreground: The source of the foreground's pixels, or of its new colors; "" where there is none.
        mask_source: The source of the mask.
        method: How it was made.
        seed: What its randomness began with.
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
    """The folder of a data set, and how pictures are written there.

    Attributes:
        path: The folder, with `composite_images`, `masks` and, where there is a ground truth, `real_images`.
        seed: What all randomness begins with.
        size: The longest side of a picture, in pixels; None leaves photos as large as they are.
        quality: Of JPEG files, 1..100.
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
        """Write a composite, its mask and its ground truth, each unless it is there; the composite last.

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
    """One photo's composites, ready to be sent to another process."""

    @property
    def name(self) -> str:
        """The photo's name in the data set."""

    def run(self, folder: Folder) -> Finished:
        """Make and write the composites.

        Raises:
            DataError: The photo itself cannot be used.
            WriteError: A file cannot be written.
        """


def seed_of(seed: int, *item: str | int) -> int:
    """Derive the seed of one item's randomness, 0..2⁶³-1, from the item and the seed only."""
    text = "\0".join(map(str, (seed, *item))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
