"""What is global, made steady: looks are smoothed over a shot, and interpolated from key frame to key frame.

A look's weight falls with its distance in time and with the difference of light, so that light that really
changes is followed. What belongs to places follows the foreground: it moves and grows with its mask.
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

REACH = 4  # looks before and after that one is smoothed with
WIDTH = 2.0  # standard deviation of the weights in time, in distances of key frames
ALIKE = 6.0  # levels, the same in light
MOST = 2.0  # times by which what belongs to places is enlarged, or shrunk, from one frame to another
STILL = 0.25  # pixels at base size by which nothing need be moved

Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Steady:
    """What is decided about a frame; stands for `Analyzed` where it is painted.

    Attributes:
        mask: (H,W).
        frame: The part of the picture to which `found` belongs.
        amount: How much of the change is made, 0..1.
        area: What the foreground covers, in pixels.
        remark: Always None: what is to be said is said once for a film.
    """

    mask: Any
    frame: Window
    found: Any
    amount: float
    area: float
    measured: Levels
    remark: None = None

    def levels(self, engine: Engine) -> Levels:
        """The mean luma of the foreground."""
        return self.measured


@dataclass(frozen=True)
class Outlook:
    """What is decided about a frame before it is painted.

    Attributes:
        glimpse: At the frame.
        first: The smoothed look at the key frame before it; None where there is no foreground.
        second: The one at the key frame after it, brought to the place of the first.
        share: Of the second, 0..1.
        own: The look at this very frame, where an analysis holds the picture.
    """

    glimpse: Glimpse
    first: Key | None
    second: Key | None = None
    share: float = 0.0
    own: Key | None = None

    def lut(self, engine: Engine) -> Lut | None:
        """The table, held back as the change is; None without foreground or color mapping."""
        key = self._key(engine)
        table = None if key is None else engine.table(key.found)
        return None if key is None or table is None else Lut(table).weakened(key.amount)

    def _key(self, engine: Engine) -> Key | None:
        """What lies between the two key frames, at the place of the first."""
        if self.first is None or self.second is None or self.share == 0:
            return self.first
        return mixed(engine, (self.first, self.second), (1 - self.share, self.share))

    def steady(self, engine: Engine, mask: Any) -> Steady | None:
        """What is needed to paint it; None where there is no foreground."""
        key = self._key(engine)
        if self.first is None or key is None:
            return None
        found, frame = key.found, moved(key.frame, self.first.glimpse, self.glimpse)
        if self.own is not None:
            found, frame = self.own.found.recolored(found), self.own.frame
        return Steady(mask, frame, found, key.amount, key.area, key.levels)


def outlooks(
    looker: Looker, engine: Engine, glimpses: Iterable[tuple[Glimpse, Key | None]]
) -> Iterator[Outlook]:
    """What is decided about each frame, knowing those after it.

    Holds a few looks at a time, however long the film is.
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
    """The frames of a shot that are not decided yet, and the looks that they need."""

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
        """Those frames after which there are looks enough."""
        while self._waiting and self._after(self._waiting[0][0]) > REACH:
            yield self._decide()

    def finished(self) -> Iterator[Outlook]:
        """All that are left, at the end of the shot."""
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
        """The smoothed look after that one, at its place."""
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
    """What is decided about each frame as it comes, knowing only those before it.

    A new look is gone over to until the next one; at once where the light has changed by as much as calls for
    a look of its own.
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
    """A look that was aligned with another one, as if at that one's frame."""
    return key._replace(glimpse=other.glimpse, frame=other.frame)


def smoothed(engine: Engine, key: Key, around: Sequence[Key]) -> Key:
    """A look, averaged with those around it that are near in time and alike in light."""
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
    """The weighted mean of looks that are aligned with the first."""

    def mean(values: Iterable[float]) -> float:
        return sum(value * weight for value, weight in zip(values, weights, strict=True))

    return keys[0]._replace(
        found=engine.mix([key.found for key in keys], weights),
        amount=mean(key.amount for key in keys),
        area=mean(key.area for key in keys),
        levels=Levels(*(mean(key.levels[i] for key in keys) for i in (0, 1))),
    )


def aligned(key: Key, other: Key) -> Key:
    """A look with what belongs to places brought to where it belongs in another one's frame."""
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
    """Where a part of the picture is after the foreground has moved."""
    scale = _scale(start, end)
    corners = [
        round(end.center[axis % 2] + (frame[axis] - start.center[axis % 2]) * scale) for axis in range(4)
    ]
    top, left, bottom, right = corners
    return Window(top, left, max(bottom, top + 1), max(right, left + 1))


def _scale(start: Glimpse, end: Glimpse) -> float:
    return float(np.clip(end.size / max(start.size, 1e-6), 1 / MOST, MOST))


def _interpolation(positions: NDArray[np.float64]) -> Weights:
    """How much each line takes from each old one, (S,S)."""
    lines = np.arange(len(positions))
    return np.maximum(1 - np.abs(positions[:, None] - lines), 0).astype(np.float32)


def _base_size(found: Any) -> int | None:
    """The side of what belongs to places in an analysis; None where nothing does."""
    for name in ("low", "features_low", "image_low"):
        part = getattr(found, name, None)
        if part is not None:
            return int(part.shape[-1])
    return None
