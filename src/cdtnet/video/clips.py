"""Read clips: video files, numbered sequences of pictures, and arrays in memory.

All yield `Shown` frames in display order, and can be read repeatedly.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..imaging import Picture
from ..imaging.geometry import Window
from .files import VideoFile
from .stills import Frames, PictureSequence, is_sequence


class Shown(Protocol):
    """A frame of a clip.

    Attributes:
        turn: Quarter turns counterclockwise that make the frame of the file upright.
    """

    turn: int

    @property
    def picture(self) -> Picture:
        """Return the whole frame, RGB, upright."""

    def part(self, window: Window) -> Picture:
        """Return a window, RGB, upright; its edges are multiples of `frames.GRID`, or edges of the frame."""

    def small(self, step: int) -> NDArray[np.uint8]:
        """Return the frame reduced by `step`, RGB, upright: (h,w,3)."""

    def matte(self, *, alpha: bool) -> NDArray[Any]:
        """Return the brightness or the alpha (H,W), full range.

        Raises:
            PictureError: There is no alpha.
        """


class Clip(Protocol):
    """Frames that can be read repeatedly.

    Attributes:
        name: The name in messages.
        height: The number of rows, upright.
        width: The number of columns, upright.
        rate: The mean frame rate in frames per second; None if unknown.
        count: The number of frames; None if it is not known before reading.
    """

    name: str
    height: int
    width: int
    rate: Fraction | None
    count: int | None

    def frames(self) -> Iterator[Shown]:
        """Read the frames in display order.

        Raises:
            PictureError: A frame is missing or damaged.
        """


def open_clip(source: Any) -> Clip:
    """Open a video file, a sequence such as "shot.%04d.png", or frames (N,H,W,C) or (N,H,W) in memory.

    Raises:
        PictureError: The clip is missing, damaged, or of an unsupported kind.
        CdtnetError: The clip is a video file and PyAV is not installed.
    """
    if not isinstance(source, str | os.PathLike):
        return Frames(source)
    return PictureSequence(source) if is_sequence(source) else VideoFile(source)
