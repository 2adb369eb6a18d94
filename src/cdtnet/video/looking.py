"""Measure each frame at low resolution, and analyze key frames with the network."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..imaging import color_codec
from ..imaging.geometry import Window
from ..inference.analysis import LITTLE, ObjectAnalysis, analyze
from ..inference.harmonizer import Harmonizer
from ..inference.objects import Foreground, as_one, find_foreground
from ..inference.options import Options
from ..inference.steering import Levels
from .cuts import Cuts
from .film import Moment

SMALL = 256  # pixels of a small frame's longer side
EVERY = 0.5  # seconds between key frames
EVERY_TABLE = 1.0  # the same for networks that predict only a table, which does not depend on positions
LEAST = 0.1  # least seconds between key frames if the light changes
LIGHT = 6.0  # levels; a larger change of light since the last key frame makes a key frame


class Glimpse(NamedTuple):
    """The measurements of a frame.

    Attributes:
        number: The index of the frame.
        begins: Whether a shot begins with it.
        covered: Whether there is any foreground.
        light: The mean colors of foreground and background, (6,), 0..255.
        center: (y, x) of the foreground, in pixels.
        size: The square root of the foreground's area, in pixels.
    """

    number: int
    begins: bool
    covered: bool
    light: NDArray[np.float64]
    center: tuple[float, float]
    size: float


class Key(NamedTuple):
    """A frame that the network has analyzed.

    Attributes:
        glimpse: The measurements of the same frame.
        frame: The part of the picture that was analyzed.
        found: The engine's analysis.
        amount: The share of the change that is applied, 0..1.
        remark: A sentence that says why little is changed; None otherwise.
        area: The area of the foreground, in pixels.
        levels: Its mean luma.
    """

    glimpse: Glimpse
    frame: Window
    found: Any
    amount: float
    remark: str | None
    area: float
    levels: Levels


class Looker:
    """Measures frames in order, and analyzes key frames.

    Args:
        harmonizer: The harmonizer whose network analyzes.
        options: The options.
        rate: The frame rate in frames per second.
        cuts: The indices of frames that begin a shot; None to detect them.
    """

    def __init__(
        self, harmonizer: Harmonizer, options: Options, rate: float, cuts: Collection[int] | None = None
    ):
        self._harmonizer, self._options = harmonizer, options
        self._cuts = Cuts(cuts)
        engine = harmonizer.engine
        self.carries_picture = engine.config.variant == "is2am" or (
            engine.config.variant == "cdtnet" and not engine.config.residual
        )
        """Whether an analysis contains the picture itself instead of a correction of it."""
        every = EVERY_TABLE if engine.config.variant == "cdtnet-sim" else EVERY
        self.every = 1 if self.carries_picture else max(round(every * rate), 1)
        self.least = min(max(round(LEAST * rate), 1), self.every)

    def glimpses(self, moments: Iterable[Moment]) -> Iterator[tuple[Glimpse, Key | None]]:
        """Measure each frame, and analyze it if it is a key frame."""
        last: Glimpse | None = None  # key frame
        for moment in moments:
            glimpse = self._glimpse(moment)
            key = None
            if glimpse.covered and (last is None or glimpse.begins or self._is_due(glimpse, last)):
                key, last = self.look(moment, glimpse), glimpse
            if not glimpse.covered:
                last = None
            yield glimpse, key

    def _is_due(self, glimpse: Glimpse, last: Glimpse) -> bool:
        since = glimpse.number - last.number
        return since >= self.every or (since >= self.least and apart(glimpse, last) > LIGHT)

    def _glimpse(self, moment: Moment) -> Glimpse:
        height, width = moment.mask.shape
        step = max(-(-max(height, width) // SMALL), 1)
        colors, soft = moment.small(step)
        begins = self._cuts.begins(colors)
        if moment.window is None:
            return Glimpse(moment.number, begins, False, np.zeros(6), (0.0, 0.0), 1.0)
        if not soft.any():  # the foreground lies between the samples
            step, soft = 1, moment.mask.astype(np.float32)
            soft /= soft.max()
            colors = np.broadcast_to(colors.mean((0, 1)), (*soft.shape, 3))
        return Glimpse(moment.number, begins, True, _light(colors, soft), *_place(soft, step))

    def look(self, moment: Moment, glimpse: Glimpse) -> Key:
        """Analyze a frame that has a foreground."""
        engine, picture = self._harmonizer.engine, moment.composite
        part = foreground_of(moment.mask, engine).parts[0]
        found: ObjectAnalysis = analyze(
            engine,
            picture,
            part,
            color_codec(picture),
            apply_anyway=self._options.apply_anyway,
            is_exact=moment.above is not None,
        )
        return Key(
            glimpse,
            found.frame,
            found.found,
            found.amount,
            found.remark if found.amount < LITTLE else None,
            found.area,
            found.levels(engine),
        )


def foreground_of(mask: NDArray[Any], engine: Engine) -> Foreground:
    """Return the foreground of a mask as one object, because objects may touch and separate in a video."""
    return as_one(find_foreground([mask], engine.tile, apart=engine.config.close_up), mask)


def apart(one: Glimpse, other: Glimpse) -> float:
    """Return the difference of light between two frames, in levels."""
    return float(np.sqrt(np.mean((one.light - other.light) ** 2)))


def _light(colors: NDArray[np.float32], soft: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean colors under the mask and beside it, (6,)."""
    weights, flat = soft.ravel().astype(np.float64), colors.reshape(-1, 3).astype(np.float64)
    shares = np.stack((weights, 1 - weights))
    totals = shares.sum(1, keepdims=True)
    return (np.where(totals > 1e-3, shares @ flat, 0) / np.maximum(totals, 1e-3)).ravel()


def _place(soft: NDArray[np.float32], step: int) -> tuple[tuple[float, float], float]:
    total = float(soft.sum(dtype=np.float64))
    rows, columns = (soft.sum(axis, dtype=np.float64) for axis in (1, 0))
    center = tuple((float(np.arange(len(line)) @ line) / total + 0.5) * step for line in (rows, columns))
    return (center[0], center[1]), step * total**0.5
