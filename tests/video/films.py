"""Small films for tests, written by PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HEIGHT, WIDTH = 64, 96


def composites(count=6, noise=0, seed=0):
    """Frames (N,H,W,3) of a disc that moves over a still background."""
    random = np.random.default_rng(seed)
    base = np.kron(random.integers(40, 215, (8, 12, 3)), np.ones((8, 8, 1)))
    frames = []
    for mask in mattes(count):
        alpha = mask[..., None] / 255
        frame = base * (1 - alpha) + alpha * (0.5 * base + [90, 40, 10])
        frames.append(np.clip(frame + random.normal(0, noise, frame.shape), 0, 255).round().astype(np.uint8))
    return np.array(frames)


def mattes(count=6, speed=1.0):
    """Their mattes (N,H,W)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    discs = (np.clip(16 - np.hypot(y - 32, x - 40 - speed * i), 0, 1) for i in range(count))
    return np.array([np.rint(255 * disc).astype(np.uint8) for disc in discs])


def write_film(
    path: Path,
    frames,
    *,
    codec="ffv1",
    layout="yuv420p",
    rate=25,
    times=None,
    base=None,
    sound=False,
    rotation=0,
    timecode=None,
    tags=None,
):
    """Write frames (N,H,W,3), (N,H,W,4) or (N,H,W)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = layout
        if base:
            stream.codec_context.time_base = base
        if rotation:
            stream.set_display_rotation(rotation)
        if timecode:
            stream.metadata["timecode"] = timecode
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        tone = (
            container.add_stream("aac" if path.suffix != ".mkv" else "pcm_s16le", rate=8000)
            if sound
            else None
        )
        for number, pixels in enumerate(frames):
            frame = as_frame(pixels, layout, tags)
            frame.pts = number if times is None else times[number]
            frame.time_base = base or Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if tone:
            waves = np.sin(np.arange(8000 * len(frames) // rate) / 5)[None].astype(np.float32)
            kind, values = (
                ("fltp", waves) if path.suffix != ".mkv" else ("s16", (waves * 9000).astype(np.int16))
            )
            samples = av.AudioFrame.from_ndarray(values, format=kind, layout="mono")
            samples.sample_rate, samples.pts = 8000, 0
            container.mux(tone.encode(samples))
            container.mux(tone.encode())
    return str(path)


def with_subtitles(path: Path, film, words):
    """Copy a film, with words (start, end, text) as SubRip subtitles in German."""
    lines = (
        f"{number}\n00:00:0{start:.3f} --> 00:00:0{end:.3f}\n{text}\n"
        for number, (start, end, text) in enumerate(words, start=1)
    )
    srt = path.with_suffix(".srt")
    srt.write_text("\n".join(lines).replace(".", ","), encoding="utf-8")
    with av.open(str(film)) as one, av.open(str(srt)) as other, av.open(str(path), "w") as container:
        sources = [*one.streams, other.streams.subtitles[0]]
        streams = [container.add_stream_from_template(source) for source in sources]
        streams[-1].metadata["language"] = "deu"
        for source, stream in zip(sources, streams, strict=True):
            for packet in source.container.demux(source):
                if packet.size:
                    packet.stream = stream
                    container.mux(packet)
            source.container.seek(0)
    srt.unlink()
    return str(path)


def as_frame(pixels, layout, tags=None):
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    name = {3: "rgb24", 4: "rgba"}[pixels.shape[2]] if pixels.dtype == np.uint8 else "rgb48le"
    tags = tags or {}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), name)
    frame = frame.reformat(
        format=layout, dst_colorspace=tags.get("colorspace"), dst_color_range=tags.get("color_range")
    )
    for tag, value in tags.items():
        setattr(frame, tag, value)
    return frame


def planes(path):
    """The planes of each frame, and its time in seconds."""
    with av.open(str(path)) as container:
        return [
            (
                [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes],
                frame.time,
            )
            for frame in container.decode(video=0)
        ]


def packets(path, kind):
    """The bytes and times of what is copied."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [
            (bytes(packet), round(float(packet.pts * packet.time_base), 3))
            for packet in container.demux(stream)
            if packet.size
        ]
