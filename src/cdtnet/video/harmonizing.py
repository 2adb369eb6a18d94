"""A film from clip and matte to result: look ahead, paint, write; each in threads beside the others."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError, WriteError
from ..imaging import Lut, like, to_picture
from ..imaging.geometry import touched
from ..inference.harmonizer import Harmonizer
from ..inference.objects import Foreground
from ..inference.options import Choices, Options
from ..inference.result import Result
from ..system.atomic import is_same_file
from ..system.parallel import ahead
from .clips import Frames, VideoFile, open_clip, stills
from .film import ALPHA, Film, Moment, paired
from .looking import Glimpse, Key, Looker
from .steadiness import Outlook, outlooks, outlooks_so_far
from .writing import RATE, Writer, writer_for

if TYPE_CHECKING:
    from typing_extensions import Unpack

Progress = Callable[[int, int | None], None]

DECIDED = 8  # frames that may be decided ahead of those that are painted
DECODED = 2  # the same of those that are decoded; and of those that wait to be encoded


@dataclass(frozen=True)
class Shot:
    """A part of a film between cuts.

    Attributes:
        first: Its first frame, from 0 on.
        last: Its last one.
        lut: The mean of the tables that the network mixed for it, steered by the controls; None where it has
            no foreground or the model mixes none.
    """

    first: int
    last: int
    lut: Lut | None


@dataclass(frozen=True)
class VideoResult:
    """What harmonizing a film gives back.

    Attributes:
        output: The name of what was written.
        frames: How many.
        shots: In order.
        remark: Why little is changed, in a sentence; None as a rule.
    """

    output: str
    frames: int
    shots: tuple[Shot, ...]
    remark: str | None


def harmonize_video(
    composite: Any,
    mask: Any,
    output: str | PathLike[str],
    options: Options | None = None,
    *,
    background: Any = None,
    model: Harmonizer | str | PathLike[str] = "cdtnet-256",
    codec: str | None = None,
    quality: int | None = None,
    rate: float | Fraction | None = None,
    cuts: Collection[int] | None = None,
    progress: Progress | None = None,
    **choices: Unpack[Choices],
) -> VideoResult:
    """Harmonize a film, steady from frame to frame, whole or not at all.

    The film is gone through twice at a time: once ahead, to look at key frames and to find the cuts, and once
    to paint. Memory does not depend on its length. Pixels where the mask is black are encoded as they were.

    Args:
        composite: A video file, a sequence such as "shot.%04d.png", or frames (N,H,W,C) in memory; with
            `background`, the foreground.
        mask: The matte, likewise, (N,H,W) in memory; white is foreground. "alpha" for the alpha of the
            foreground.
        output: A video file, whose suffix says the container, or a sequence of pictures.
        options: All choices at once; `snap_mask` and `labels` are for pictures only.
        background: What the foreground is pasted on; as large, as fast and as long.
        model: As for `Harmonizer`, or one.
        codec: One of `codecs.CODECS`; by default FFV1 (lossless) in .mkv, ProRes in .mov, AV1 in .webm, and
            H.264, or H.265 for more than 8 bits, in .mp4.
        quality: Of the codec, in its own scale; lower is better.
        rate: Frames in a second, of sequences and arrays (default: 25).
        cuts: Numbers of the frames, from 0 on, that begin a shot; by default they are found.
        progress: Called with the frames that are done, and those in all where that is known.
        choices: Single ones; see `Harmonizer`.

    Raises:
        PictureError: The clips cannot be used, or don't fit each other.
        WriteError: The result cannot be written.
        CdtnetError: PyAV is not installed.

    Warns:
        UserWarning: If little is changed, or something of the source is left out.
    """
    options = _checked((options or Options()).but(**choices))
    harmonizer = model if isinstance(model, Harmonizer) else Harmonizer(model)
    clip = open_clip(composite)
    matte = ALPHA if isinstance(mask, str) and mask == ALPHA else open_clip(mask)
    behind = None if background is None else open_clip(background)
    film = Film(clip, matte, behind, resize_mask=options.resize_mask)
    _check_output(output, [composite, mask, background])
    settings = {
        "inputs": [_identity(each) for each in (composite, mask, background)],
        "options": options.flat(),
        "model": str(harmonizer.engine.describe()) + str(model if isinstance(model, str) else ""),
        "cuts": sorted(cuts) if cuts is not None else None,
    }
    given_rate = None if rate is None else Fraction(rate).limit_denominator(1001)
    writing = writer_for(
        Path(output),
        film.base,
        clip if behind is not None else None,
        codec=codec,
        quality=quality,
        rate=given_rate,
        settings=settings,
    )
    looker = Looker(harmonizer, options, float(film.base.rate or given_rate or RATE), cuts)
    shots = _Shots(harmonizer, options)
    with writing as writer:
        count = _harmonize(harmonizer, options, film, looker, shots, writer, progress)
    result = VideoResult(str(output), count, shots.all(), shots.remark)
    if result.remark:
        warnings.warn(result.remark, stacklevel=2)
    return result


def harmonize_frames(
    frames: Iterable[Any],
    masks: Iterable[Any],
    options: Options | None = None,
    *,
    model: Harmonizer | str | PathLike[str] = "cdtnet-256",
    rate: float = float(RATE),
    cuts: Collection[int] | None = None,
    **choices: Unpack[Choices],
) -> Iterator[Result]:
    """Harmonize frames in memory, steady from one to the next, one by one.

    Of a list or an array, the frames to come are known, and results are those of `harmonize_video`. Of any
    other iterable, such as a camera's frames, a result only depends on the frames so far and comes as soon as
    its frame does.

    Args:
        frames: What `cdtnet.harmonize` takes, all of one size.
        masks: One for each.
        options: All choices at once.
        model: As for `Harmonizer`, or one.
        rate: Frames in a second: looks are half a second apart.
        cuts: Numbers of the frames, from 0 on, that begin a shot; by default they are found.
        choices: Single ones; see `Harmonizer`.

    Yields:
        The result of each frame: its image, of the same kind, and the table that was mixed for it.

    Raises:
        PictureError: A frame or a mask cannot be used.
    """
    options = _checked((options or Options()).but(**choices))
    harmonizer = model if isinstance(model, Harmonizer) else Harmonizer(model)
    looker = Looker(harmonizer, options, rate, cuts)
    for moment, outlook, given in _in_memory(looker, harmonizer, frames, masks):
        pixels = paint(harmonizer, options, moment, outlook)
        picture = moment.composite
        image = like(picture if pixels is None else picture.replace_pixels(pixels), given)
        yield Result(image, outlook.lut(harmonizer.engine), given)


def paint(harmonizer: Harmonizer, options: Options, moment: Moment, outlook: Outlook) -> NDArray[Any] | None:
    """The pixels (H,W,C) of a frame harmonized; None where there is nothing to do."""
    steady = outlook.steady(harmonizer.engine, moment.mask)
    if steady is None:
        return None
    picture = moment.composite
    foreground = Foreground([], [*touched(moment.mask, harmonizer.engine.tile)], None)
    painter = harmonizer.painter(picture, foreground, options=options, layer=moment.layer, objects=[steady])
    pixels = picture.pixels.copy()
    for window, part in painter.paint(foreground.windows, options.controls):
        pixels[window.slices] = part
    return pixels


def _harmonize(
    harmonizer: Harmonizer,
    options: Options,
    film: Film,
    looker: Looker,
    shots: _Shots,
    writer: Writer,
    progress: Progress | None,
) -> int:
    glimpses = shots.noting(looker.glimpses(film.moments()))
    count = 0
    with (
        closing(ahead(outlooks(looker, harmonizer.engine, glimpses), DECIDED)) as decided,
        closing(ahead(_ready(film.moments(), writer), DECODED)) as decoded,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting: deque[Future[None]] = deque()
        for moment, outlook in zip(decoded, decided, strict=True):
            if writer.wants(moment.number):
                pixels = paint(harmonizer, options, moment, outlook)
                waiting.append(pool.submit(writer.write, moment, pixels))
            if len(waiting) > DECODED:
                waiting.popleft().result()
            count += 1
            if progress:
                progress(count, film.count)
        for future in waiting:
            future.result()
    return count


def _ready(moments: Iterable[Moment], writer: Writer) -> Iterator[Moment]:
    """Frames that are converted before they are waited for."""
    for moment in moments:
        if writer.wants(moment.number) and moment.window is not None:
            _ = moment.composite
        yield moment


def _in_memory(
    looker: Looker, harmonizer: Harmonizer, frames: Iterable[Any], masks: Iterable[Any]
) -> Iterator[tuple[Moment, Outlook, Any]]:
    engine = harmonizer.engine
    if isinstance(frames, Sequence | np.ndarray) and isinstance(masks, Sequence | np.ndarray):
        first = Frames(frames)

        def moments() -> Iterator[Moment]:
            return paired(first.frames(), masks, first.height, first.width)

        decided = outlooks(looker, engine, looker.glimpses(moments()))
        yield from zip(moments(), decided, frames, strict=True)
        return
    latest: deque[tuple[Moment, Any]] = deque()

    def noting() -> Iterator[Moment]:
        size: tuple[int, int] | None = None
        for number, (frame, mask) in enumerate(zip(frames, masks, strict=True)):
            picture = to_picture(frame)
            size = size or (picture.height, picture.width)
            shown = next(stills([picture], *size))
            moment = next(paired([shown], [mask], *size))
            latest.append((replace(moment, number=number), frame))
            yield latest[-1][0]

    for outlook in outlooks_so_far(looker, engine, looker.glimpses(noting())):
        yield latest[0][0], outlook, latest.popleft()[1]


class _Shots:
    """The shots of a film, noted as it is looked at, with their mean tables."""

    def __init__(self, harmonizer: Harmonizer, options: Options):
        self._harmonizer, self._options = harmonizer, options
        self._done: list[Shot] = []
        self._first, self._last = 0, -1
        self._tables: NDArray[Any] = np.zeros(0)
        self._weight = 0
        self._remarks: list[str | None] = []

    @property
    def remark(self) -> str | None:
        """Why little is changed in all of the film."""
        return self._remarks[0] if self._remarks and all(self._remarks) else None

    def noting(self, glimpses: Iterable[tuple[Glimpse, Key | None]]) -> Iterator[tuple[Glimpse, Key | None]]:
        """The same, noted."""
        for glimpse, key in glimpses:
            if glimpse.begins and glimpse.number:
                self._end()
            self._last = glimpse.number
            if key is not None:
                self._add(key)
            yield glimpse, key

    def all(self) -> tuple[Shot, ...]:
        """Once the film has ended."""
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


def _checked(options: Options) -> Options:
    if options.snap_mask or options.labels:
        raise PictureError(
            "Mattes are not snapped to edges, and hold no labels; leave out snap_mask and labels."
        )
    return options


def _check_output(output: str | PathLike[str], inputs: Iterable[Any]) -> None:
    names = [each for each in inputs if isinstance(each, str | PathLike) and each != ALPHA]
    if any(is_same_file(output, name) for name in names):
        raise WriteError(f"The output {output} is also an input; give another name.")


def _identity(source: Any) -> Any:
    """What tells an input from others, for a sequence that goes on: names, sizes and times of files."""
    if not isinstance(source, str | PathLike):
        return None if source is None else "memory"
    clip = None if source == ALPHA else open_clip(source)
    if isinstance(clip, VideoFile):
        stat = clip.path.stat()
        return [str(source), stat.st_size, stat.st_mtime_ns]
    return [str(source), clip.count if clip else None]
