"""PNG chunks that libvips drops: color definitions and texts. They are kept as bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from . import profiles
from .profiles import CodePoints

_COLOR = (b"cICP", b"gAMA", b"cHRM", b"sRGB", b"mDCV", b"cLLI", b"mDCv", b"cLLi")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
# XMP is handled separately; the others are copies of EXIF and other metadata, which would be out of date.
_OWN = (b"XML:com.adobe.xmp\0", b"Raw profile type ")
_MOST = 1 << 22  # bytes of chunks that are kept
_SRGB_GAMMA = 45455


def read(stream: BinaryIO) -> tuple[bytes, ...]:
    """Read the chunks of a PNG file that are kept; damaged ones are dropped."""
    kept: list[bytes] = []
    room = _MOST
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name not in _COLOR + _TEXT or size > room:
            stream.seek(size + 4, 1)
            continue
        rest = stream.read(size + 4)
        if len(rest) < size + 4 or zlib.crc32(name + rest[:size]) != int.from_bytes(rest[size:], "big"):
            continue
        if not (name in _TEXT and rest.startswith(_OWN)):
            kept.append(head + rest)
            room -= size
    return tuple(kept)


def embed(png: bytes, chunks: Sequence[bytes]) -> bytes:
    """Insert chunks into an encoded PNG file; color chunks replace those of the file."""
    if not chunks:
        return png
    ihdr_end = 33
    names = {chunk[4:8] for chunk in chunks} & set(_COLOR)
    rest = b"".join(chunk for chunk in _split(png[ihdr_end:]) if chunk[4:8] not in names)
    return png[:ihdr_end] + b"".join(chunks) + rest


def cicp(points: CodePoints) -> bytes:
    """Make the cICP chunk of code points."""
    data = b"cICP" + bytes([*points[:2], 0, 1])
    return struct.pack(">I", 4) + data + struct.pack(">I", zlib.crc32(data))


def of_color(chunks: Sequence[bytes]) -> bool:
    """Check whether any chunk defines colors."""
    return any(chunk[4:8] in (b"cICP", b"gAMA", b"cHRM") for chunk in chunks)


def without_color(chunks: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the chunks that do not define colors."""
    return tuple(chunk for chunk in chunks if chunk[4:8] not in _COLOR)


def code_points(chunks: Sequence[bytes]) -> CodePoints | None:
    """Return the code points of a cICP chunk, which takes precedence over all other color chunks."""
    data = _of(chunks, b"cICP")
    return (data[0], data[1], data[2], data[3]) if data and len(data) == 4 else None


def profile(chunks: Sequence[bytes]) -> bytes | None:
    """Make an ICC profile of gAMA and cHRM, unless an sRGB chunk takes precedence; None for sRGB.

    Raises:
        PictureError: The chunks define no color space.
    """
    gamma, white_and_primaries = _of(chunks, b"gAMA"), _of(chunks, b"cHRM")
    if _of(chunks, b"sRGB") is not None or (gamma is None and white_and_primaries is None):
        return None
    stored = struct.unpack(">I", gamma)[0] if gamma and len(gamma) == 4 else _SRGB_GAMMA
    places: tuple[int, ...] = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    if white_and_primaries and len(white_and_primaries) == 32:
        places = struct.unpack(">8I", white_and_primaries)
    usual = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    if abs(stored - _SRGB_GAMMA) <= 50 and np.abs(np.subtract(places, usual)).max() <= 100:
        return None
    points = [(places[i] / 100000, places[i + 1] / 100000) for i in range(0, 8, 2)]
    return profiles.make(points[1:], points[0], 100000 / max(stored, 1))


def _of(chunks: Sequence[bytes], name: bytes) -> bytes | None:
    return next((chunk[8:-4] for chunk in chunks if chunk[4:8] == name), None)


def _split(data: bytes) -> Iterator[bytes]:
    place = 0
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        yield data[place:end]
        place = end
