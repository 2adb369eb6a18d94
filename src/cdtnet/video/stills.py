"""Clips of pictures: numbered files and arrays in memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..imaging import Picture, read_picture, to_picture
from ..imaging.color import color_codec, luma
from ..imaging.geometry import Window

_NUMBER = re.compile(r"%0?(\d*)d")


def is_sequence(name: str | os.PathLike[str]) -> bool:
    """Check whether a name is a pattern of numbered files, such as "shot.%04d.png"."""
    return bool(_NUMBER.search(Path(name).name))


def numbered(name: str | os.PathLike[str], number: int) -> Path:
    """Return the path of a numbered file of a sequence."""
    path = Path(name)
    return path.with_name(_NUMBER.sub(lambda found: f"{number:0{found[1] or 1}d}", path.name, count=1))


@dataclass
class Still:
    """A frame that is a picture in memory."""

    picture: Picture
    turn: int = 0

    def part(self, window: Window) -> Picture:
        """See `clips.Shown`."""
        return Picture(np.ascontiguousarray(self.picture.pixels[window.slices]), self.picture.metadata)

    def small(self, step: int) -> NDArray[np.uint8]:
        """See `clips.Shown`."""
        part = self.picture.pixels[step // 2 :: step, step // 2 :: step]
        part = part if part.size else self.picture.pixels[:1, :1]
        return np.rint(255 * color_codec(self.picture).decode(part)).astype(np.uint8)

    def matte(self, *, alpha: bool) -> NDArray[Any]:
        """See `clips.Shown`."""
        pixels = self.picture.pixels
        if alpha:
            if self.picture.alpha is None:
                raise PictureError("The foreground has no alpha; give its matte with --mask (mask=...).")
            return np.ascontiguousarray(self.picture.alpha)
        if pixels.shape[2] in (2, 4):
            raise PictureError(
                "The matte has both brightness and alpha; save it as a gray picture without alpha."
            )
        if pixels.shape[2] == 1:
            return np.ascontiguousarray(pixels[..., 0])
        light = luma(pixels)
        return light if pixels.dtype.kind == "f" else np.rint(light).astype(pixels.dtype)


class PictureSequence:
    """Numbered picture files, from the lowest existing number to the highest."""

    rate: Fraction | None = None
    count: int | None

    def __init__(self, name: str | os.PathLike[str]):
        self.name, self.path = str(name), Path(name)
        self.numbers = _numbers(self.path)
        first = read_picture(numbered(self.path, self.numbers[0]))
        self.height, self.width, self.count = first.height, first.width, len(self.numbers)

    def frames(self) -> Iterator[Still]:
        """See `clips.Clip`."""
        for number in self.numbers:
            path = numbered(self.path, number)
            picture = read_picture(path)
            if (picture.height, picture.width) != (self.height, self.width):
                raise PictureError(
                    f"{path} has {picture.width}×{picture.height} pixels, the frames before it "
                    f"{self.width}×{self.height}; all frames of a sequence need the same size."
                )
            yield Still(picture)


def _numbers(path: Path) -> list[int]:
    found = _NUMBER.search(path.name)
    assert found
    before, after = path.name[: found.start()], path.name[found.end() :]
    pattern = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")
    if not path.parent.is_dir():
        raise PictureError(f"The folder {path.parent} does not exist; check the name.")
    names = (pattern.fullmatch(entry.name) for entry in path.parent.iterdir())
    numbers = sorted({int(name[1]) for name in names if name})
    numbers = [number for number in numbers if numbered(path, number).exists()]
    if not numbers:
        raise PictureError(f"There are no files {path}; check the name.")
    for number, expected in zip(numbers, range(numbers[0], numbers[-1] + 1), strict=False):
        if number != expected:
            raise PictureError(
                f"{numbered(path, expected)} is missing, but frames before and after it exist; "
                "render it, or number the files without gaps."
            )
    return numbers


class Frames:
    """Frames in memory, (N,H,W,C), (N,H,W) or a sequence of inputs of `cdtnet.harmonize`."""

    rate: Fraction | None = None
    count: int | None

    def __init__(self, items: Sequence[Any] | NDArray[Any], name: str = "The clip"):
        if not len(items):
            raise PictureError("There are no frames; give at least one.")
        self.name, self._items, self.count = name, items, len(items)
        first = to_picture(items[0])
        self.height, self.width = first.height, first.width

    def frames(self) -> Iterator[Still]:
        """See `clips.Clip`."""
        return stills(self._items, self.height, self.width)


def stills(items: Iterable[Any], height: int, width: int) -> Iterator[Still]:
    """Convert inputs of `cdtnet.harmonize` to frames of one size.

    Raises:
        PictureError: A frame has another size.
    """
    for number, item in enumerate(items):
        picture = to_picture(item)
        if (picture.height, picture.width) != (height, width):
            raise PictureError(
                f"Frame {number} has {picture.width}×{picture.height} pixels, the first one "
                f"{width}×{height}; all frames need the same size."
            )
        yield Still(picture)
