"""Write results to a video file, with the other streams of the source, or to a sequence."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from ..errors import PictureError, WriteError, needs
from ..imaging import Picture, color_codec, coverage
from ..imaging.geometry import Window
from ..system.atomic import make_folder, new_file, write_file
from . import frames
from .clips import Clip
from .codecs import CONTAINERS, codec_for, options_of, pixel_format, wanted
from .files import Decoded, VideoFile, upright, video_stream
from .film import Moment
from .stills import PictureSequence, Still, is_sequence, numbered

RATE = Fraction(25)  # default frames per second of a sequence
_COPIED = ("audio", "subtitle")
_BT709, _SRGB = 1, 13  # code points of H.273: primaries and matrix, transfer function
_STATIC = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
_TICKS = 512  # per frame, in the times of frames that had none


class Writer(Protocol):
    """Writes frames in order."""

    def wants(self, number: int) -> bool:
        """Check whether a frame has to be rendered."""

    def write(self, moment: Moment, pixels: np.ndarray[Any, Any] | None) -> None:
        """Write a frame.

        Args:
            moment: The source of the frame.
            pixels: The harmonized region of the moment, (h,w,C); None if nothing was done.
        """


@contextmanager
def writer_for(
    path: str | Path,
    base: Clip,
    foreground: Clip | None,
    *,
    codec: str | None,
    quality: int | None,
    rate: Fraction | None,
    settings: dict[str, Any],
) -> Iterator[Writer]:
    """Open a writer. A file is written completely or not at all, and so is each picture of a sequence.

    Args:
        path: The path of the result: a video file or a sequence.
        base: The clip whose properties the result gets.
        foreground: The pasted clip, whose sound is used if the base has none.
        codec: The name of the codec; None for the default of the suffix.
        quality: The quality of the codec; None for its default.
        rate: The frame rate in frames per second, if the base has none.
        settings: What the result depends on; a sequence is resumed only with equal settings.

    Raises:
        PictureError: The format does not support the result.
        WriteError: The result cannot be written.
    """
    if is_sequence(path):
        if codec is not None or quality is not None:
            raise PictureError("A sequence of pictures has no codec; leave out the codec and the quality.")
        sequence = SequenceWriter(Path(path), base, settings)
        yield sequence
        sequence.finished()
        return
    sources = [clip for clip in (base, foreground) if isinstance(clip, VideoFile)]
    with new_file(path) as stream, ExitStack() as stack:
        writer = FileWriter(stream, Path(path), sources, stack, codec, quality, base.rate or rate or RATE)
        with explained(path):
            yield writer
            writer.close()


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Convert errors of FFmpeg while writing.

    Raises:
        WriteError: FFmpeg raised an error.
    """
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror}); check the free space, or choose another codec "
            "or format."
        ) from error


class FileWriter:
    """Encodes into a container, and copies sound and subtitles into it."""

    def __init__(
        self,
        stream: BinaryIO,
        path: Path,
        sources: list[VideoFile],
        stack: ExitStack,
        codec: str | None,
        quality: int | None,
        rate: Fraction,
    ):
        with needs("video", "Writing a video"):
            import av
        self._av, self._file, self._path, self._stack = av, stream, path, stack
        self._sources, self._codec, self._quality, self._rate = sources, codec, quality, rate
        self._container: Any = None
        self._others: list[_Copied] = []
        if codec is not None:  # check before any work is done
            codec_for(path, codec, av.VideoFormat("yuv420p"))
        elif path.suffix.lower() not in CONTAINERS:
            codec_for(path, None, av.VideoFormat("yuv420p"))

    def wants(self, number: int) -> bool:
        """See `Writer`."""
        return True

    def write(self, moment: Moment, pixels: np.ndarray[Any, Any] | None) -> None:
        """See `Writer`."""
        frame = self._frame(moment, pixels)
        if self._container is None:
            self._open(frame, moment)
        frame = self._fitted(frame)
        frame.pict_type = 0  # the encoder chooses the type
        self._mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write the remaining packets, and close the file."""
        if self._container is None:
            raise PictureError("There are no frames to write.")
        self._mux(self._stream.encode())
        for other in self._others:
            other.copy_until(None, self._container)
        self._container.close()

    def _frame(self, moment: Moment, pixels: np.ndarray[Any, Any] | None) -> Any:
        base = moment.base
        if isinstance(base, Decoded):
            if pixels is not None:
                back = partial(upright, turn=-base.turn)
                area = Window(0, 0, base.native.height, base.native.width) if base.turn else moment.region
                assert area is not None
                frames.move(base.native, back(moment.below.pixels), back(pixels), area)
            return base.native
        assert isinstance(base, Still)
        frame = _frame_of(self._av, moment.with_part(pixels))
        frame.time_base = 1 / (self._rate * _TICKS)
        frame.pts, frame.duration = moment.number * _TICKS, _TICKS
        return frame

    def _fitted(self, frame: Any) -> Any:
        """Convert the frame to the encoder's pixel format; RGB becomes BT.709, limited range, if needed."""
        layout = self._stream.codec_context.format
        if frame.format.name == layout.name:
            return frame
        if frame.format.is_rgb and not layout.is_rgb:
            return frame.reformat(format=layout.name, dst_colorspace="ITU709", dst_color_range="MPEG")
        return frame.reformat(format=layout.name)

    def _open(self, frame: Any, moment: Moment) -> None:
        av = self._av
        codec = codec_for(self._path, self._codec, frame.format)
        offered = av.Codec(codec.encoder, "w").video_formats
        layout = pixel_format(av.VideoFormat(wanted(codec, frame.format)), offered)
        os.environ.setdefault("SVT_LOG", "1")  # the only way to silence this encoder
        # By name, because for a Python stream PyAV prints its errors in the middle of the message.
        name = CONTAINERS[self._path.suffix.lower()][0]
        self._container = self._stack.enter_context(av.open(self._file.name, "w", format=name))
        options = options_of(codec, self._quality, layout)
        self._stream = self._container.add_stream(codec.encoder, rate=self._rate, options=options)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = frame.width, frame.height, layout
        context.time_base = frame.time_base
        context.thread_type = "AUTO"
        for tag in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(context, tag, int(getattr(frame, tag)))
        if isinstance(moment.base, Still):
            context.color_primaries, context.color_trc = _BT709, _SRGB
        if frame.format.is_rgb:
            rgb = av.VideoFormat(layout).is_rgb
            context.color_range, context.colorspace = (2, 0) if rgb else (1, _BT709)
        if isinstance(moment.base, Decoded):
            self._like_source(self._sources[0])
            for matrix in (data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"):
                self._stream.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
        self._copy_others()
        if any(data.type.name in _STATIC for data in frame.side_data):
            warnings.warn("HDR10's static metadata is left out: PyAV cannot write it.", stacklevel=2)

    def _like_source(self, source: VideoFile) -> None:
        """Copy aspect ratio, metadata, timecode and chapters of the source."""
        container = self._stack.enter_context(source.opened())
        given = video_stream(container, source.name)
        ratio = given.sample_aspect_ratio
        if ratio:
            self._stream.codec_context.sample_aspect_ratio = ratio
        kept = {
            key: value for key, value in given.metadata.items() if key in ("language", "title", "timecode")
        }
        self._stream.metadata.update(kept)
        dropped = ("encoder", "major_brand", "minor_version", "compatible_brands")
        general = {key: value for key, value in container.metadata.items() if key not in dropped}
        everywhere = [general, *(each.metadata for each in container.streams)]
        if timecode := next((each["timecode"] for each in everywhere if "timecode" in each), None):
            general["timecode"] = self._stream.metadata["timecode"] = timecode
        self._container.metadata.update(general)
        with suppress(AttributeError, ValueError):
            self._container.set_chapters(container.chapters())

    def _copy_others(self) -> None:
        """Prepare to copy sound and subtitles from the first source that has any."""
        for source in self._sources:
            container = self._stack.enter_context(source.opened())
            others = [each for each in container.streams if each.type in _COPIED]
            shown = video_stream(container, source.name)
            for each in container.streams:
                if each.type not in _COPIED and each is not shown and "timecode" not in each.metadata:
                    sentence = f"Stream {each.index} of {source.name}, of type {each.type}, is left out."
                    warnings.warn(sentence, stacklevel=2)
            if others:
                self._others = [_Copied(self._container, container, others, source.name, self._path)]
                return

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            time = None if packet.dts is None else float(packet.dts * packet.time_base)
            for other in self._others:
                other.copy_until(time if time is not None else 0.0, self._container)
            self._container.mux(packet)


class _Copied:
    """Streams that are copied from one file to another packet by packet."""

    def __init__(self, target: Any, source: Any, streams: list[Any], name: str, path: Path):
        self._places = {}
        for stream in streams:
            try:
                made = target.add_stream_from_template(stream)
            except ValueError as error:
                kind = stream.codec_context.name if stream.codec_context else stream.type
                suffixes = ".mkv" if stream.type == "subtitle" else ".mkv or .mov"
                raise PictureError(
                    f"{path.suffix} files cannot hold the {stream.type} of {name} ({kind}); "
                    f"write an {suffixes} file."
                ) from error
            made.metadata.update({k: v for k, v in stream.metadata.items() if k in ("language", "title")})
            made.disposition = stream.disposition
            self._places[stream.index] = made
        self._packets = source.demux(streams)
        self._next: Any = None

    def copy_until(self, time: float | None, container: Any) -> None:
        """Copy packets up to a time in seconds; all remaining ones for None."""
        while True:
            if self._next is None:
                self._next = next((each for each in self._packets if each.dts is not None), None)
            packet = self._next
            if packet is None or (time is not None and float(packet.dts * packet.time_base) > time):
                return
            packet.stream = self._places[packet.stream.index]
            container.mux(packet)
            self._next = None


def _frame_of(av: Any, picture: Picture) -> Any:
    """Convert a picture to a frame, sRGB of 8 or 16 bits; floats become 16 bits."""
    pixels, top = picture.pixels, 255 if picture.pixels.dtype == np.uint8 else 65535
    values = color_codec(picture).decode(pixels)
    if picture.alpha is not None:
        values = np.concatenate((values, coverage(picture.alpha)[..., None]), axis=-1)
    kind = np.uint8 if top == 255 else np.uint16
    name = {(3, 255): "rgb24", (4, 255): "rgba", (3, 65535): "rgb48le", (4, 65535): "rgba64le"}
    whole = np.rint(values * np.float32(top)).astype(kind)
    return frames.planar(av.VideoFrame.from_ndarray(whole, name[values.shape[2], top]))


class SequenceWriter:
    """Writes numbered pictures, and skips those that an interrupted run has written.

    A hidden file beside the pictures identifies the settings of the run; `finished` removes it. Pictures
    older than this file belong to other runs.
    """

    def __init__(self, path: Path, base: Clip, settings: dict[str, Any]):
        self._path = path
        self._numbers = base.numbers if isinstance(base, PictureSequence) else None
        make_folder(path.parent)
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
        self._note = path.with_name(f".{path.name.replace('%', '')}.cdtnet")
        try:
            self._goes_on = self._note.read_text(encoding="utf-8") == digest
        except OSError:
            self._goes_on = False
        if not self._goes_on:
            write_file(self._note, digest.encode())

    def wants(self, number: int) -> bool:
        """See `Writer`."""
        try:
            made = self._file(number).stat().st_mtime_ns
        except OSError:
            return True
        return not (self._goes_on and made >= self._note.stat().st_mtime_ns)

    def write(self, moment: Moment, pixels: np.ndarray[Any, Any] | None) -> None:
        """See `Writer`."""
        moment.with_part(pixels).save(self._file(moment.number))

    def finished(self) -> None:
        """Mark the sequence as complete."""
        self._note.unlink(missing_ok=True)

    def _file(self, number: int) -> Path:
        return numbered(self._path, self._numbers[number] if self._numbers else number)
