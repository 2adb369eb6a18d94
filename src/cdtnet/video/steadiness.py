"""Smooth analyses over a shot, and interpolate them between key frames.

The weight of an analysis decreases with its distance in time and in light, so that a real change of light is
followed. The low-resolution part of an analysis moves and scales with the mask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..imaging import Lut
from ..imaging.geometry import Window
from ..inference.steering import Levels
from .looking import Glimpse, Key, Looker, apart

REACH = 4  # key frames before and after that are averaged
WIDTH = 2.0  # standard deviation of the weights in time, in intervals of key frames
ALIKE = 6.0  # standard deviation of the weights in light, in levels
MOST = 2.0  # largest factor by which the low-resolution part is scaled
STILL = 0.25  # pixels at base size; smaller motion is ignored

Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Steady:
    """The smoothed analysis of a frame, in the form of `analysis.AnalyzedObject`.

    Attributes:
        mask: (h,w).
        frame: The part of the picture to which `found` belongs, relative to the mask.
        amount: The share of the change that is applied, 0..1.
        area: The area of the foreground, in pixels.
        remark: Always None; a video has one remark for all frames.
    """

    mask: Any
    frame: Window
    found: Any
    amount: float
    area: float
    measured: Levels
    remark: None = None

    def levels(self, engine: Engine) -> Levels:
        """Return the mean luma of the foreground."""
        return self.measured


@dataclass(frozen=True)
class Outlook:
    """The analyses from which a frame is painted.

    Attributes:
        glimpse: The measurements of the frame.
        first: The smoothed analysis of the key frame before it; None without foreground.
        second: That of the key frame after it, aligned with the first.
        share: The weight of the second, 0..1.
        own: The analysis of this frame, if analyses contain the picture itself.
    """

    glimpse: Glimpse
    first: Key | None
    second: Key | None = None
    share: float = 0.0
    own: Key | None = None

    def lut(self, engine: Engine) -> Lut | None:
        """Return the table, scaled by the amount; None without foreground or color mapping."""
        key = self._key(engine)
        table = None if key is None else engine.table(key.found)
        return None if key is None or table is None else Lut(table).weakened(key.amount)

    def _key(self, engine: Engine) -> Key | None:
        """Interpolate between the two key frames, at the position of the first."""
        if self.first is None or self.second is None or self.share == 0:
            return self.first
        return mixed(engine, (self.first, self.second), (1 - self.share, self.share))

    def steady(self, engine: Engine, mask: Any, region: Window) -> Steady | None:
        """Return the analysis for a region and its mask (h,w); None without foreground."""
        key = self._key(engine)
        if self.first is None or key is None:
            return None
        found, frame = key.found, moved(key.frame, self.first.glimpse, self.glimpse)
        if self.own is not None:
            found, frame = self.own.found.recolored(found), self.own.frame
        return Steady(mask, frame.within(region), found, key.amount, key.area, key.levels)


def outlooks(
    looker: Looker, engine: Engine, glimpses: Iterable[tuple[Glimpse, Key | None]]
) -> Iterator[Outlook]:
    """Smooth with analyses before and after each frame.

    Only a few analyses are in memory at a time, so memory does not depend on the length of the video.
    """
    shot = _Shot(engine, looker.carries_picture)
    for glimpse, key in glimpses:
        if glimpse.begins:
            yield from shot.finished()
            shot = _Shot(engine, looker.carries_picture)
        shot.add(glimpse, key)
        yield from shot.decided()
    yield from shot.finished()


class _Shot:
    """The frames of a shot that wait for later key frames, and the analyses that they need."""

    def __init__(self, engine: Engine, carries_picture: bool):
        self._engine, self._carries_picture = engine, carries_picture
        self._waiting: deque[tuple[Glimpse, Key | None]] = deque()
        self._keys: deque[Key] = deque()
        self._smoothed: dict[int, Key] = {}
        self._aligned: tuple[int, Key] | None = None

    def add(self, glimpse: Glimpse, key: Key | None) -> None:
        self._waiting.append((glimpse, key))
        if key is not None:
            self._keys.append(key)

    def decided(self) -> Iterator[Outlook]:
        """Yield the frames that are followed by enough key frames."""
        while self._waiting and self._after(self._waiting[0][0]) > REACH:
            yield self._decide()

    def finished(self) -> Iterator[Outlook]:
        """Yield the remaining frames, at the end of the shot."""
        while self._waiting:
            yield self._decide()

    def _after(self, glimpse: Glimpse) -> int:
        return sum(key.glimpse.number > glimpse.number for key in self._keys)

    def _decide(self) -> Outlook:
        glimpse, own = self._waiting.popleft()
        if not glimpse.covered:
            return Outlook(glimpse, None)
        place = max(
            (i for i, key in enumerate(self._keys) if key.glimpse.number <= glimpse.number), default=0
        )
        while place > REACH:
            self._smoothed.pop(self._keys.popleft().glimpse.number, None)
            place -= 1
        first = self._smooth(place)
        if self._carries_picture or place + 1 == len(self._keys):
            return Outlook(glimpse, first, own=own if self._carries_picture else None)
        start, stop = first.glimpse.number, self._keys[place + 1].glimpse.number
        return Outlook(glimpse, first, self._next(place, first), (glimpse.number - start) / (stop - start))

    def _next(self, place: int, first: Key) -> Key:
        """Return the smoothed analysis of the next key frame, aligned with this one."""
        if self._aligned is None or self._aligned[0] != first.glimpse.number:
            second = aligned(self._smooth(place + 1), first)
            self._aligned = first.glimpse.number, second
        return self._aligned[1]

    def _smooth(self, place: int) -> Key:
        key = self._keys[place]
        number = key.glimpse.number
        if number not in self._smoothed:
            around = list(self._keys)[max(place - REACH, 0) : place + REACH + 1]
            self._smoothed[number] = smoothed(self._engine, key, around)
        return self._smoothed[number]


def outlooks_so_far(
    looker: Looker, engine: Engine, glimpses: Iterable[tuple[Glimpse, Key | None]]
) -> Iterator[Outlook]:
    """Smooth with analyses before each frame only.

    The transition to a new analysis lasts until the next one; it is immediate if a change of light made the
    key frame.
    """
    keys: deque[Key] = deque(maxlen=REACH + 1)
    start: Key | None = None
    target: Key | None = None
    for glimpse, key in glimpses:
        if glimpse.begins:
            keys.clear()
            start = target = None
        if key is not None:
            jumped = not keys or key.glimpse.number - keys[-1].glimpse.number < looker.every
            keys.append(key)
            new = smoothed(engine, key, list(keys))
            start = new if target is None or jumped else aligned(target, new)
            target = new
        if not glimpse.covered or target is None:
            yield Outlook(glimpse, None)
            continue
        share = min((glimpse.number - target.glimpse.number + 1) / looker.every, 1.0)
        if looker.carries_picture:
            yield Outlook(glimpse, target, own=key)
        elif start is target or start is None or share == 1:
            yield Outlook(glimpse, target)
        else:
            yield Outlook(glimpse, replace_place(start, target), target, share)


def replace_place(key: Key, other: Key) -> Key:
    """Return an aligned analysis `key` with the position of `other`, with which it was aligned."""
    return key._replace(glimpse=other.glimpse, frame=other.frame)


def smoothed(engine: Engine, key: Key, around: Sequence[Key]) -> Key:
    """Average an analysis with others, weighted by distance in time and in light."""
    if len(around) == 1:
        return key
    gaps = np.diff([each.glimpse.number for each in around])
    width = WIDTH * float(gaps.max())
    distances = np.array(
        [
            ((each.glimpse.number - key.glimpse.number) / width) ** 2
            + (apart(each.glimpse, key.glimpse) / ALIKE) ** 2
            for each in around
        ]
    )
    weights = np.exp(-distances / 2)
    weights /= weights.sum()
    chosen = [(each, weight) for each, weight in zip(around, weights.tolist(), strict=True) if weight > 0.01]
    total = sum(weight for _, weight in chosen)
    places = [aligned(each, key) for each, _ in chosen]
    return replace_place(mixed(engine, places, [weight / total for _, weight in chosen]), key)


def mixed(engine: Engine, keys: Sequence[Key], weights: Sequence[float]) -> Key:
    """Return the weighted mean of analyses that are aligned with the first."""

    def mean(values: Iterable[float]) -> float:
        return sum(value * weight for value, weight in zip(values, weights, strict=True))

    return keys[0]._replace(
        found=engine.mix([key.found for key in keys], weights),
        amount=mean(key.amount for key in keys),
        area=mean(key.area for key in keys),
        levels=Levels(*(mean(key.levels[i] for key in keys) for i in (0, 1))),
    )


def aligned(key: Key, other: Key) -> Key:
    """Move the low-resolution part of an analysis to the position of the foreground in another frame."""
    if key.glimpse.number == other.glimpse.number:
        return key
    size = _base_size(key.found)
    if size is None:
        return key
    scale = _scale(other.glimpse, key.glimpse)
    lines = []
    for axis in (0, 1):
        start, stop = other.frame[axis], other.frame[axis + 2]
        pixels = start + (np.arange(size) + 0.5) * (stop - start) / size
        there = key.glimpse.center[axis] + (pixels - other.glimpse.center[axis]) * scale
        first, last = key.frame[axis], key.frame[axis + 2]
        lines.append(((there - first) * size / (last - first) - 0.5).clip(0, size - 1))
    if max(float(np.abs(line - np.arange(size)).max()) for line in lines) <= STILL:
        return key
    return key._replace(found=key.found.resampled(*map(_interpolation, lines)))


def moved(frame: Window, start: Glimpse, end: Glimpse) -> Window:
    """Move and scale a window with the foreground."""
    scale = _scale(start, end)
    corners = [
        round(end.center[axis % 2] + (frame[axis] - start.center[axis % 2]) * scale) for axis in range(4)
    ]
    top, left, bottom, right = corners
    return Window(top, left, max(bottom, top + 1), max(right, left + 1))


def _scale(start: Glimpse, end: Glimpse) -> float:
    return float(np.clip(end.size / max(start.size, 1e-6), 1 / MOST, MOST))


def _interpolation(positions: NDArray[np.float64]) -> Weights:
    """Return the weights of linear interpolation, (S,S)."""
    lines = np.arange(len(positions))
    return np.maximum(1 - np.abs(positions[:, None] - lines), 0).astype(np.float32)


def _base_size(found: Any) -> int | None:
    """Return the side of the low-resolution part of an analysis; None without one."""
    for name in ("low", "features_low", "image_low"):
        part = getattr(found, name, None)
        if part is not None:
            return int(part.shape[-1])
    return None
