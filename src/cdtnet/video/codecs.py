"""Codecs of results: encoder, quality and pixel format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PictureError
from .frames import bits_of, has_alpha


@dataclass(frozen=True)
class Codec:
    """A codec.

    Attributes:
        name: The name of the option `codec`.
        encoder: The name of FFmpeg's encoder.
        quality: The default value of the quality option; None for lossless codecs.
        option: The name of FFmpeg's quality option.
        options: Further FFmpeg options, which are always set.
    """

    name: str
    encoder: str
    quality: int | None = None
    option: str = "crf"
    options: tuple[tuple[str, str], ...] = ()


CODECS = {
    each.name: each
    for each in (
        Codec("h264", "libx264", 16, options=(("preset", "superfast"), ("b_strategy", "0"))),
        Codec("h265", "libx265", 18, options=(("preset", "fast"), ("x265-params", "log-level=error"))),
        Codec("av1", "libsvtav1", 20, options=(("preset", "6"),)),
        Codec("prores", "prores_ks", 4, option="qscale", options=(("vendor", "apl0"),)),
        Codec("ffv1", "ffv1", options=(("level", "3"), ("slices", "4"), ("slicecrc", "1"))),
    )
}
CONTAINERS: dict[str, tuple[str, tuple[str, ...]]] = {
    ".mp4": ("mp4", ("h264", "h265", "av1")),
    ".m4v": ("mp4", ("h264", "h265", "av1")),
    ".mov": ("mov", ("prores", "h264", "h265")),
    ".mkv": ("matroska", ("ffv1", "h264", "h265", "av1", "prores")),
    ".webm": ("webm", ("av1",)),
}
"""FFmpeg's name of the container for each suffix, and its codecs, the default first."""


def codec_for(path: str | Path, name: str | None, layout: Any) -> Codec:
    """Choose the codec of a result.

    Args:
        path: The path of the result.
        name: The name of the codec; None for the default of the suffix.
        layout: The pixel format of the source, an `av.VideoFormat`.

    Raises:
        PictureError: The suffix is unknown, or does not allow the codec.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in CONTAINERS:
        raise PictureError(
            f"{path} has no suffix of a supported video file; use {', '.join(CONTAINERS)}, or give a "
            "sequence such as shot.%04d.png."
        )
    names = CONTAINERS[suffix][1]
    if name is None:
        deep = names[0] == "h264" and bits_of(layout) > 8  # players support more than 8 bits in H.265 only
        return CODECS["h265" if deep else names[0]]
    if name not in names:
        raise PictureError(f"{suffix} files cannot hold {name} here; choose {' or '.join(names)}.")
    return CODECS[name]


def wanted(codec: Codec, layout: Any) -> str:
    """Return the desired pixel format: 4:2:0 for RGB in codecs that most players support in 4:2:0 only."""
    if not layout.is_rgb or codec.name in ("prores", "ffv1"):
        return str(layout.name)
    return "yuv420p" if bits_of(layout) <= 8 else "yuv420p10le"


def pixel_format(layout: Any, offered: Sequence[Any]) -> str:
    """Choose the pixel format of an encoder that loses least of a frame.

    Args:
        layout: The `av.VideoFormat` of the frame.
        offered: The `av.VideoFormat`s of the encoder.
    """
    if any(each.name == layout.name for each in offered):
        return str(layout.name)

    def loss(each: Any) -> tuple[float, ...]:
        bits = bits_of(each) - bits_of(layout)
        rows, columns = (one - other for one, other in zip(_chroma(each), _chroma(layout), strict=True))
        return (
            float(bool(each.is_rgb) != bool(layout.is_rgb)),
            max(-bits, 0),
            max(-rows, 0) + max(-columns, 0),
            float(has_alpha(layout) and not has_alpha(each)),
            float(str(each.name).startswith(("gray", "nv", "p0", "p2"))),
            abs(bits),
            float(not each.is_planar),
            float(has_alpha(each)),
            abs(rows) + abs(columns),
            float(str(each.name).startswith("yuvj")),
        )

    return str(min((each for each in offered if not str(each.name).endswith("be")), key=loss).name)


def _chroma(layout: Any) -> tuple[float, float]:
    """Return the rows and columns of chroma for each of luma."""
    return (layout.chroma_height(16) or 16) / 16, (layout.chroma_width(16) or 16) / 16


def options_of(codec: Codec, quality: int | None, layout: str) -> dict[str, str]:
    """Return the options of the encoder.

    Raises:
        PictureError: A quality is given for a lossless codec.
    """
    options = dict(codec.options)
    if codec.name == "prores":
        options["profile"] = "4" if "444" in layout else "3"
    if quality is not None and codec.quality is None:
        raise PictureError(f"{codec.name} is lossless; leave out the quality.")
    if codec.quality is not None:
        options[codec.option] = str(codec.quality if quality is None else quality)
    return options
