"""Shots of a video and their tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..imaging import Lut
from ..inference.harmonizer import Harmonizer
from ..inference.options import Options
from .looking import Glimpse, Key


@dataclass(frozen=True)
class Shot:
    """A part of a video between cuts.

    Attributes:
        first: The index of its first frame, from 0.
        last: The index of its last frame.
        lut: The mean of the tables of its key frames, at the given strength; None if the shot has no
            foreground or the model has no table.
    """

    first: int
    last: int
    lut: Lut | None


class Shots:
    """Collects the shots of a video and their mean tables."""

    def __init__(self, harmonizer: Harmonizer, options: Options):
        self._harmonizer, self._options = harmonizer, options
        self._done: list[Shot] = []
        self._first, self._last = 0, -1
        self._tables: NDArray[Any] = np.zeros(0)
        self._weight = 0
        self._remarks: list[str | None] = []

    @property
    def remark(self) -> str | None:
        """Return why little is changed in the whole video."""
        return self._remarks[0] if self._remarks and all(self._remarks) else None

    def noting(self, glimpses: Iterable[tuple[Glimpse, Key | None]]) -> Iterator[tuple[Glimpse, Key | None]]:
        """Yield measurements and analyses unchanged, and record them."""
        for glimpse, key in glimpses:
            if glimpse.begins and glimpse.number:
                self._end()
            self._last = glimpse.number
            if key is not None:
                self._add(key)
            yield glimpse, key

    def all(self) -> tuple[Shot, ...]:
        """Return all shots, at the end of the video."""
        self._end()
        return tuple(self._done)

    def _add(self, key: Key) -> None:
        self._remarks.append(key.remark)
        table = self._harmonizer.engine.table(key.found)
        if table is not None:
            lut = Lut(table).weakened(key.amount)
            self._tables = self._tables + lut.table.astype(np.float64) if self._weight else lut.table
            self._weight += 1

    def _end(self) -> None:
        lut = Lut((self._tables / self._weight).astype(np.float32)) if self._weight else None
        if lut is not None:
            lut = lut.weakened(self._options.controls.strength)
        self._done.append(Shot(self._first, self._last, lut))
        self._first, self._weight = self._last + 1, 0
