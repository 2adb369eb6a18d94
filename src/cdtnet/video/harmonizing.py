"""Harmonize a video: analyze ahead, paint and write, in parallel threads."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from os import PathLike
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PictureError, WriteError
from ..imaging import like, to_picture
from ..inference.harmonizer import Harmonizer
from ..inference.options import Choices, Options
from ..inference.result import Result
from ..system.atomic import is_same_file
from ..system.parallel import ahead
from .clips import open_clip
from .files import VideoFile
from .film import ALPHA, Film, Moment, paired
from .looking import Looker
from .painting import paint
from .shots import Shot, Shots
from .steadiness import Outlook, outlooks, outlooks_so_far
from .stills import Frames, stills
from .writing import RATE, Writer, writer_for

if TYPE_CHECKING:
    from typing_extensions import Unpack

Progress = Callable[[int, int | None], None]

DECIDED = 8  # frames by which smoothing may be ahead of painting
DECODED = 2  # the same for decoding; also the frames that may wait to be encoded


@dataclass(frozen=True)
class VideoResult:
    """The result of harmonizing a video.

    Attributes:
        output: The path that was written.
        frames: The number of frames.
        shots: The shots in order.
        remark: A sentence that says why little is changed in the whole video; otherwise None.
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
    """Harmonize a video without flicker, and write it completely or not at all.

    Two passes run in parallel: one finds cuts and analyzes key frames, the other one renders some seconds
    behind. Memory does not depend on the length. Pixels where the mask is black are encoded unchanged.

    Args:
        composite: A video file, a sequence such as "shot.%04d.png", or frames (N,H,W,C) in memory; with
            `background`, the foreground.
        mask: The matte, likewise, (N,H,W) in memory; white is foreground. "alpha" for the alpha of the
            foreground.
        output: A video file, whose suffix determines the container, or a sequence of pictures.
        options: All options in one object; `snap_mask` and `labels` are for pictures only.
        background: The clip to paste the foreground on, of the same size, rate and length.
        model: A `Harmonizer`, or a model as for `Harmonizer`.
        codec: One of `codecs.CODECS`; by default FFV1 (lossless) in .mkv, ProRes in .mov, AV1 in .webm, and
            H.264, or H.265 for more than 8 bits, in .mp4.
        quality: The quality in the scale of the codec; lower is better.
        rate: The frame rate of sequences and arrays in frames per second (default: 25).
        cuts: The indices, from 0, of frames that begin a shot; by default they are detected.
        progress: Called with the number of finished frames and the number of all frames, or None if unknown;
            also called repeatedly while waiting for the next frame.
        choices: Single options; see `Harmonizer`.

    Raises:
        PictureError: A clip cannot be used, or the clips do not match.
        WriteError: The result cannot be written.
        CdtnetError: PyAV is not installed.

    Warns:
        UserWarning: Little is changed, or a part of the source is left out.
    """
    options = _checked((options or Options()).but(**choices))
    harmonizer = model if isinstance(model, Harmonizer) else Harmonizer(model)
    film = _opened(composite, mask, background, options)
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
        film.clip if film.background is not None else None,
        codec=codec,
        quality=quality,
        rate=given_rate,
        settings=settings,
    )
    looker = Looker(harmonizer, options, float(film.base.rate or given_rate or RATE), cuts)
    shots = Shots(harmonizer, options)
    with writing as writer:
        count = _harmonize(harmonizer, options, film, looker, shots, writer, progress)
    result = VideoResult(str(output), count, shots.all(), shots.remark)
    if result.remark:
        warnings.warn(result.remark, stacklevel=2)
    return result


def find_shots(
    composite: Any,
    mask: Any,
    options: Options | None = None,
    *,
    background: Any = None,
    model: Harmonizer | str | PathLike[str] = "cdtnet-sim",
    rate: float | Fraction | None = None,
    cuts: Collection[int] | None = None,
    progress: Progress | None = None,
    **choices: Unpack[Choices],
) -> tuple[Shot, ...]:
    """Find the shots of a video and the table of each, without rendering.

    The arguments and errors are those of `harmonize_video`.

    Returns:
        The shots in order, as `harmonize_video` finds them.
    """
    options = _checked((options or Options()).but(**choices))
    harmonizer = model if isinstance(model, Harmonizer) else Harmonizer(model)
    film = _opened(composite, mask, background, options)
    looker = Looker(harmonizer, options, float(film.base.rate or rate or RATE), cuts)
    shots = Shots(harmonizer, options)
    for done, _ in enumerate(shots.noting(looker.glimpses(film.moments())), start=1):
        if progress:
            progress(done, film.count)
    return shots.all()


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
    """Harmonize frames in memory without flicker.

    For a list or an array, later frames are used, too, and the results equal those of `harmonize_video`. For
    any other iterable, such as frames of a camera, a result depends only on the frames so far and is yielded
    at once.

    Args:
        frames: Inputs of `cdtnet.harmonize`, all of one size.
        masks: One mask for each frame.
        options: All options in one object.
        model: A `Harmonizer`, or a model as for `Harmonizer`.
        rate: The frame rate in frames per second, which determines the key frames.
        cuts: The indices, from 0, of frames that begin a shot; by default they are detected.
        choices: Single options; see `Harmonizer`.

    Yields:
        The result of each frame: an image of the same kind, and its table.

    Raises:
        PictureError: A frame or a mask cannot be used.
    """
    options = _checked((options or Options()).but(**choices))
    harmonizer = model if isinstance(model, Harmonizer) else Harmonizer(model)
    looker = Looker(harmonizer, options, rate, cuts)
    for moment, outlook, given in _in_memory(looker, harmonizer, frames, masks):
        image = like(moment.with_part(paint(harmonizer, options, moment, outlook)), given)
        yield Result(image, outlook.lut(harmonizer.engine), given)


def _harmonize(
    harmonizer: Harmonizer,
    options: Options,
    film: Film,
    looker: Looker,
    shots: Shots,
    writer: Writer,
    progress: Progress | None,
) -> int:
    count, stopped = 0, Event()

    def tell() -> None:
        if progress:
            progress(count, film.count)

    glimpses = shots.noting(looker.glimpses(_until(stopped, film.moments())))
    with (
        closing(ahead(outlooks(looker, harmonizer.engine, glimpses), DECIDED, tell)) as decided,
        closing(ahead(_ready(film.moments(), writer), DECODED)) as decoded,
        ThreadPoolExecutor(1) as pool,
        ExitStack() as stack,
    ):
        stack.callback(stopped.set)
        waiting: deque[Future[None]] = deque()
        for moment, outlook in zip(decoded, decided, strict=True):
            if writer.wants(moment.number):
                pixels = paint(harmonizer, options, moment, outlook)
                waiting.append(pool.submit(writer.write, moment, pixels))
            if len(waiting) > DECODED:
                waiting.popleft().result()
            count += 1
            tell()
        for future in waiting:
            future.result()
    return count


def _until(stopped: Event, moments: Iterable[Moment]) -> Iterator[Moment]:
    """Yield moments until `stopped` is set."""
    return takewhile(lambda _: not stopped.is_set(), moments)


def _ready(moments: Iterable[Moment], writer: Writer) -> Iterator[Moment]:
    """Convert frames in advance, in the thread that decodes them."""
    for moment in moments:
        if writer.wants(moment.number) and moment.window is not None:
            _ = moment.part
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


def _opened(composite: Any, mask: Any, background: Any, options: Options) -> Film:
    clip = open_clip(composite)
    matte = ALPHA if isinstance(mask, str) and mask == ALPHA else open_clip(mask)
    behind = None if background is None else open_clip(background)
    return Film(clip, matte, behind, resize_mask=options.resize_mask)


def _checked(options: Options) -> Options:
    if options.snap_mask or options.labels:
        raise PictureError(
            "Mattes of videos are neither snapped nor label maps; leave out snap_mask and labels."
        )
    return options


def _check_output(output: str | PathLike[str], inputs: Iterable[Any]) -> None:
    names = [each for each in inputs if isinstance(each, str | PathLike) and each != ALPHA]
    if any(is_same_file(output, name) for name in names):
        raise WriteError(f"The output {output} is also an input; give another name.")


def _identity(source: Any) -> Any:
    """Identify an input by name, size and time, to resume a sequence only with the same inputs."""
    if not isinstance(source, str | PathLike):
        return None if source is None else "memory"
    clip = None if source == ALPHA else open_clip(source)
    if isinstance(clip, VideoFile):
        stat = clip.path.stat()
        return [str(source), stat.st_size, stat.st_mtime_ns]
    return [str(source), clip.count if clip else None]
