"""Video files, read by FFmpeg."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError, needs
from ..imaging import Picture
from ..imaging.geometry import Window
from ..system.files import check_regular
from ..system.machine import available_cores
from . import frames
from .stills import Still

_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")  # as Matroska files have it
_SLACK = 0.2  # seconds by which a file may be shorter than it declares


@dataclass
class Decoded:
    """A frame of a video file.

    Attributes:
        native: The `av.VideoFrame`, planar, in the orientation of the file.
        turn: Quarter turns counterclockwise that make it upright.
    """

    native: Any
    turn: int

    @cached_property
    def picture(self) -> Picture:
        """See `clips.Shown`."""
        picture = frames.to_picture(self.native)
        return Picture(upright(picture.pixels, self.turn), picture.metadata) if self.turn else picture

    def part(self, window: Window) -> Picture:
        """See `clips.Shown`."""
        if self.turn:
            return Still(self.picture).part(window)
        return frames.to_picture(frames.cropped(self.native, window))

    def small(self, step: int) -> NDArray[np.uint8]:
        """See `clips.Shown`."""
        return upright(frames.small(self.native, step), self.turn)

    def matte(self, *, alpha: bool) -> NDArray[Any]:
        """See `clips.Shown`."""
        if not alpha:
            return upright(frames.to_matte(self.native), self.turn)
        if not frames.has_alpha(self.native.format):
            raise PictureError("The foreground has no alpha; give its matte with --mask (mask=...).")
        return upright(frames.to_alpha(self.native), self.turn)


def upright(pixels: NDArray[Any], turn: int) -> NDArray[Any]:
    """Rotate pixels by quarter turns, counterclockwise."""
    return np.ascontiguousarray(np.rot90(pixels, turn)) if turn % 4 else pixels


class VideoFile:
    """The first video stream of a file."""

    def __init__(self, path: str | os.PathLike[str]):
        self.name, self.path = str(path), Path(path)
        self.rate: Fraction | None
        with self.opened() as container:
            stream = video_stream(container, self.name)
            first = _first(container, stream, self.name)
            turned = _quarters(first) % 2
            width, height = stream.codec_context.width, stream.codec_context.height
            self.height, self.width = (width, height) if turned else (height, width)
            self.rate = stream.average_rate or stream.guessed_rate
            self.count = _declared(stream)
            if first.interlaced_frame:
                warnings.warn(
                    f"{self.name} is interlaced; its fields count as whole frames. Deinterlace it first.",
                    stacklevel=2,
                )

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Open the file as a PyAV container.

        Raises:
            PictureError: It cannot be opened.
        """
        with needs("video", "Reading a video"):
            import av
        try:
            check_regular(self.path)
            with self.path.open("rb"):  # for the operating system's error message
                pass
            container = av.open(str(self.path))
        except FileNotFoundError as error:
            raise PictureError(f"{self.name} does not exist; check the name.") from error
        except IsADirectoryError as error:
            raise PictureError(
                f"{self.name} is a folder; give a video file, or a sequence such as shot.%04d.png."
            ) from error
        except PermissionError as error:
            raise PictureError(f"{self.name} cannot be read; check its permissions.") from error
        except (av.error.FFmpegError, OSError) as error:
            raise PictureError(
                f"{self.name} is not a readable video file ({error.strerror}); check it in a player."
            ) from error
        with container:
            yield container

    def frames(self) -> Iterator[Decoded]:
        """See `clips.Clip`."""
        import av

        with self.opened() as container:
            stream = video_stream(container, self.name)
            number, turn, end = 0, None, 0.0
            try:
                for native in _decoded(container, stream):
                    if native.is_corrupt:
                        raise _damaged(self.name, number)
                    turn = _quarters(native) if turn is None else turn
                    end = max(end, native.time or 0.0)
                    yield Decoded(frames.planar(native), turn)
                    number += 1
            except av.error.FFmpegError as error:
                raise _damaged(self.name, number, error.strerror) from error
            self._check_whole(stream, number, end)

    def _check_whole(self, stream: Any, number: int, end: float) -> None:
        """Refuse a truncated file, which FFmpeg reads without an error."""
        if not number:
            raise PictureError(f"{self.name} contains no frame that can be decoded; check it in a player.")
        if self.count is not None and number < self.count:
            raise PictureError(
                f"{self.name} ends after {number} of the {self.count} frames that it declares; "
                "copy or download it again."
            )
        announced = _seconds(stream.metadata.get("DURATION", ""))
        if end + 2 / float(self.rate or 25) < announced - _SLACK:
            raise PictureError(
                f"{self.name} ends after {end:.1f} of the {announced:.1f} seconds that it declares; "
                "copy or download it again."
            )


def video_stream(container: Any, name: str) -> Any:
    """Return the first video stream that is not a cover picture.

    Raises:
        PictureError: There is no such stream, or its codec is unknown.
    """
    moving = [each for each in container.streams.video if not _is_cover(each)]
    if not moving:
        raise PictureError(f"{name} has no video stream; give a file with moving pictures.")
    stream = moving[0]
    if stream.codec_context is None:
        raise PictureError(
            f"This FFmpeg does not support the codec of {name}; convert the file to another, such as H.264."
        )
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = max(available_cores() // 2, 1)  # clip and matte are read in parallel
    return stream


def _damaged(name: str, number: int, reason: str | None = None) -> PictureError:
    because = f" ({reason})" if reason else ""
    return PictureError(
        f"{name} is damaged at frame {number}{because}; give an intact file, or cut it before that frame."
    )


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Decode the frames of a stream; damage raises an error instead of being concealed."""
    import av

    context = stream.codec_context
    if stream.metadata.get("alpha_mode") == "1" and context.name in ("vp8", "vp9"):
        # FFmpeg's own decoders leave the alpha out.
        context = av.CodecContext.create(f"libvpx-{context.name}".replace("libvpx-vp8", "libvpx"), "r")
    context.options = {"err_detect": "explode"}
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise av.error.InvalidDataError(1094995529, "Invalid data found when processing input")
        for frame in context.decode(packet if packet.size else None):
            if frame.time_base is None:
                frame.time_base = stream.time_base
            yield frame


def _first(container: Any, stream: Any, name: str) -> Any:
    import av

    try:
        for native in _decoded(container, stream):
            return native
    except av.error.FFmpegError as error:
        raise _damaged(name, 0, error.strerror) from error
    raise PictureError(f"{name} contains no frame that can be decoded; check it in a player.")


def _quarters(native: Any) -> int:
    return round(native.rotation / 90) % 4


def _declared(stream: Any) -> int | None:
    """Return the number of frames that the file declares; None if it declares none."""
    return int(stream.frames) or None


def _seconds(text: str) -> float:
    """Parse a duration such as "00:01:02.5" to seconds; 0 for anything else."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0.0
