"""The pages of a TIFF file: pictures, thumbnails, masks, and raw camera data."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from .tiff_directories import SIZE, Form, read_header

MOST_PAGES = 4096
"""The tags that are read."""
PHOTOMETRIC, EXTRA_SAMPLES = 262, 338
_SUBFILE, _OLD_SUBFILE, _COMPRESSION, _DNG = 254, 255, 259, 50706
_WANTED = (_SUBFILE, _OLD_SUBFILE, _COMPRESSION, PHOTOMETRIC, EXTRA_SAMPLES, _DNG)
LAB = {8: "lab", 9: "icclab"}
"""TIFF's codes of CIE L*a*b*, with a* and b* signed or with an offset."""
_RAW_COMPRESSIONS = (32767, 32769, 34713, 65535)  # Sony, packed 12 bits, Nikon, Pentax
_RAW_PHOTOMETRICS = (32803, 34892)  # color filter array, linear raw


class Page(NamedTuple):
    """A page.

    Attributes:
        number: Its index in the file, from 0.
        offset: The offset of its directory in bytes.
        shown: Whether it is a picture, and not a smaller copy or a mask of another page.
        raw: Whether it identifies the file as camera raw.
        associated: Whether its colors are multiplied by alpha.
        lab: Its kind of L*a*b*, a value of `LAB`; "" for other colors.
    """

    number: int
    offset: int
    shown: bool
    raw: bool
    associated: bool
    lab: str = ""


def pages_of(stream: BinaryIO) -> list[Page]:
    """List all pages of a file; of a damaged file, those before the damage."""
    pages: list[Page] = []
    try:
        stream.seek(0)
        form, offset = read_header(stream.read(16).ljust(16, b"\0"))
        seen: set[int] = set()
        while offset and offset not in seen and len(pages) < MOST_PAGES:
            seen.add(offset)
            tags, following = _directory(stream, form, offset)
            kind, old = tags.get(_SUBFILE, 0), tags.get(_OLD_SUBFILE, 1)
            raw = (
                _DNG in tags
                or tags.get(_COMPRESSION) in _RAW_COMPRESSIONS
                or tags.get(PHOTOMETRIC) in _RAW_PHOTOMETRICS
            )
            shown = not kind & 5 and old != 2
            lab = LAB.get(tags.get(PHOTOMETRIC, 0), "")
            pages.append(Page(len(pages), offset, shown, raw, tags.get(EXTRA_SAMPLES) == 1, lab))
            offset = following
    except (struct.error, OverflowError, OSError):
        pass
    return pages


def with_tag(tiff: bytes, tag: int, value: int, offset: int | None = None) -> bytes:
    """Return a TIFF file with another value of an existing tag.

    Args:
        tiff: The content of the file.
        tag: The tag, which has a single short integer.
        value: The new value.
        offset: The offset of the page's directory; None for the first.
    """
    form, first = read_header(tiff[:16])
    first = first if offset is None else offset
    start = first + struct.calcsize(form.length)
    size = struct.calcsize(form.entry)
    (count,) = struct.unpack_from(form.length, tiff, first)
    data = bytearray(tiff)
    for place in range(start, start + size * count, size):
        if struct.unpack_from(form.order + "H", tiff, place)[0] == tag:
            struct.pack_into(form.order + "H", data, place + size - form.slot, value)
    return bytes(data)


def _directory(stream: BinaryIO, form: Form, offset: int) -> tuple[dict[int, int], int]:
    """Read the known tags of a directory, and the offset of the next directory."""
    stream.seek(offset)
    (count,) = struct.unpack(form.length, stream.read(struct.calcsize(form.length)))
    if count > 0xFFFF:
        raise struct.error("a directory has more entries than there are tags")
    entries = stream.read(struct.calcsize(form.entry) * count)
    (following,) = struct.unpack(form.pointer, stream.read(struct.calcsize(form.pointer)))
    tags = {}
    for tag, kind, number, slot in struct.iter_unpack(form.entry, entries):
        if tag in _WANTED and number:
            size = SIZE.get(kind, 1)
            tags[tag] = int.from_bytes(slot[:size], "little" if form.order == "<" else "big")
    return tags, following
