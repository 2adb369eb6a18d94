"""Pictures larger than memory: read and written band by band, with the same analysis and rendering."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, cast

from numpy.typing import NDArray

from ..errors import PictureError
from ..imaging import Picture, to_masks
from ..imaging.assembling import BAND, write_bands
from ..imaging.formats import SUFFIXES, TIFF
from ..imaging.geometry import Window
from ..imaging.read import MAX_PIXELS
from ..imaging.rows import Rows, open_mask, open_picture, read_header
from ..system.atomic import new_file
from ..system.machine import trim_memory
from .controls import Controls
from .objects import Foreground
from .painter import Painter

LARGE = 1 << 30  # bytes of pixels above which a picture stays in its file

Progress = Callable[[int, int], None]


def is_streamed(composite: Any, output: str | os.PathLike[str]) -> bool:
    """Check whether a picture is too large for memory, so that it is streamed.

    Raises:
        PictureError: It is too large for memory and cannot be streamed, or is not a picture.
    """
    if not isinstance(composite, str | os.PathLike):
        return False
    header = read_header(composite)
    if header.nbytes <= LARGE:
        return False
    obstacle = header.obstacle
    if SUFFIXES.get(Path(output).suffix.lower()) != TIFF.name:
        obstacle = "the output is not a TIFF file"
    if obstacle and header.pixels > MAX_PIXELS:
        raise PictureError(
            f"{composite} has {header.pixels:,} pixels, too many for memory, and {obstacle}; give a picture "
            "this large as an upright file, best a TIFF, and write a TIFF file (-o NAME.tif)."
        )
    return obstacle is None


def stream(
    composite: str | os.PathLike[str],
    mask: Any,
    output: str | os.PathLike[str],
    find: Callable[[Sequence[Any]], Foreground],
    analyze: Callable[[Picture, Foreground], Painter],
    note: Callable[..., Mapping[str, Any] | None],
    controls: Controls,
    progress: Progress | None = None,
) -> None:
    """Harmonize from file to file; the pixels equal those of harmonizing in memory.

    Args:
        composite: A file for which `is_streamed` is true.
        mask: A mask file, which is streamed too, another input of `Harmonizer`, or a list of these.
        output: The name of a TIFF file; it is only created if everything succeeds.
        find: Finds the objects of masks.
        analyze: Makes the painter of a picture and its objects.
        note: Makes the record, if any, of the result of a `picture`.
        controls: The controls of the foreground.
        progress: Called with the number of finished bands of 256 rows and the number of all bands; there are
            two passes.

    Raises:
        PictureError: The composite or the mask cannot be used.
        WriteError: The output cannot be written.
    """
    picture = open_picture(composite)
    size = picture.height, picture.width
    given = mask if isinstance(mask, list | tuple) and mask else [mask]
    masks: list[Any] = []
    for each in given:  # an object that is indexed like an array can be used directly
        masks += [open_mask(each, *size)] if isinstance(each, str | os.PathLike) else to_masks(each, *size)
    foreground = find(masks)
    for sentence in (*picture.metadata.left_out, *filter(None, [foreground.remark])):
        warnings.warn(sentence, stacklevel=3)
    windows: list[list[Window]] = [[] for _ in range(0, picture.height, BAND)]
    for window in foreground.windows:
        windows[window.top // BAND].append(window)
    report = _Report(2 * len(windows), progress)
    painter = None
    with new_file(output) as stream:
        if foreground.parts:
            rows = cast(Rows, picture.pixels)
            rows.watch = lambda row: report(row // BAND)
            painter = analyze(picture, foreground)
            rows.watch = None
            if painter.remark:
                warnings.warn(painter.remark, stacklevel=3)
        noted = picture.replace_pixels(picture.pixels, note(picture=picture))
        write_bands(stream, noted, _bands(picture, windows, painter, controls, report))


def _bands(
    picture: Picture,
    windows: list[list[Window]],
    painter: Painter | None,
    controls: Controls,
    report: _Report,
) -> Iterator[NDArray[Any]]:
    """Yield the harmonized pixels of each band."""
    for number, touching in enumerate(windows):
        whole = Window(number * BAND, 0, min((number + 1) * BAND, picture.height), picture.width)
        pixels = picture.pixels[whole.slices].copy()
        if painter:
            for window, painted in painter.paint(touching, controls):
                pixels[window.within(whole).slices] = painted
        yield pixels
        trim_memory()  # otherwise it grows by half a gigabyte, because several threads allocate bands
        report(len(windows) + number + 1)


class _Report:
    """Reports progress; threads may share it."""

    def __init__(self, total: int, progress: Progress | None):
        self._total, self._progress = total, progress
        self._done, self._lock = 0, Lock()

    def __call__(self, done: int) -> None:
        with self._lock:
            self._done = max(done, self._done)
            if self._progress:
                self._progress(self._done, self._total)
