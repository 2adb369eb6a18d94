"""EXIF blocks, which are small TIFF files: resetting the orientation, and copying from and to TIFF files.

libvips rewrites EXIF and does not read it from TIFF files, so blocks are kept as bytes here.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from .tiff_directories import EXIF, INTEROPERABILITY, Form, Tree, read_header, read_tree, serialize, tree_of

_ORIENTATION = 0x0112
_COLOR_SPACE = 0xA001
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
# Description, maker, model, software, date, artist, host, copyright, ratings and the XP texts of Windows: the
# tags of a TIFF file's first directory that describe the photograph and not the storage of its pixels.
_DESCRIPTIVE = (270, 271, 272, 305, 306, 315, 316, 0x4746, 0x4749, 33432, *range(0x9C9B, 0x9CA0))
_CLASSIC = Form("<", big=False)


def upright(exif: bytes, *, sideways: bool = False) -> bytes | None:
    """Return the block for upright pixels, without the old thumbnail.

    Positions of bytes do not change, because makers' notes contain offsets into the block; only single fields
    are edited.

    Args:
        exif: The block, from its TIFF header on.
        sideways: Whether the rotation has exchanged width and height.

    Returns:
        The block, or None if it is too damaged.
    """
    data = bytearray(exif)

    def slots(offset: int) -> dict[int, int]:
        (count,) = struct.unpack_from(order + "H", data, offset)
        places = range(offset + 2, offset + 2 + 12 * count, 12)
        return {struct.unpack_from(order + "H", data, place)[0]: place for place in places}

    try:
        form, first = read_header(exif[:8])
        order = form.order
        main = slots(first)
        if _ORIENTATION in main:
            struct.pack_into(order + "HIHH", data, main[_ORIENTATION] + 2, 3, 1, 1, 0)
        place = first + 2 + 12 * len(main)
        (thumbnail,) = struct.unpack_from(order + "I", data, place)
        struct.pack_into(order + "I", data, place, 0)  # no second directory: the thumbnail
        if thumbnail and exif[thumbnail:].startswith(_thumbnail_head(order, thumbnail)):
            del data[thumbnail:]  # as `with_thumbnail` appended it
        if sideways and EXIF in main:
            sub = slots(struct.unpack_from(order + "I", data, main[EXIF] + 8)[0])
            if _PIXEL_WIDTH in sub and _PIXEL_HEIGHT in sub:
                x, y = (slice(sub[tag] + 2, sub[tag] + 12) for tag in (_PIXEL_WIDTH, _PIXEL_HEIGHT))
                data[x], data[y] = data[y], data[x]
    except struct.error:
        return None
    return bytes(data)


def has_thumbnail(exif: bytes) -> bool:
    """Check whether a block has a second directory, which is that of a thumbnail."""
    try:
        form, first = read_header(exif[:8])
        (count,) = struct.unpack_from(form.order + "H", exif, first)
        return exif[first + 2 + 12 * count :][:4] not in (b"", bytes(4))
    except struct.error:
        return False


def with_thumbnail(exif: bytes, jpeg: bytes) -> bytes:
    """Append a thumbnail to a block without one; return a damaged block unchanged."""
    try:
        form, first = read_header(exif[:8])
        (count,) = struct.unpack_from(form.order + "H", exif, first)
        start = len(exif) + len(exif) % 2
        data = bytearray(exif.ljust(start, b"\0"))
        struct.pack_into(form.order + "I", data, first + 2 + 12 * count, start)
    except struct.error:
        return exif
    size = struct.pack(form.order + "HHIII", 514, 4, 1, len(jpeg), 0)  # no further directory
    return bytes(data) + _thumbnail_head(form.order, start) + size + jpeg


def _thumbnail_head(order: str, start: int) -> bytes:
    """Return the start of a directory that is followed by its JPEG file."""
    entries = 3
    jpeg = start + 2 + 12 * entries + 4
    return struct.pack(order + "HHHIHHHHII", entries, 259, 3, 1, 6, 0, 513, 4, 1, jpeg)


def is_adobe_rgb(exif: bytes) -> bool:
    """Check whether a block declares Adobe RGB as cameras do."""
    try:
        details = tree_of(exif)[1].get(EXIF)
    except (struct.error, RecursionError):
        return False
    if not isinstance(details, dict):
        return False
    space, rules = details.get(_COLOR_SPACE), details.get(INTEROPERABILITY)
    index = rules.get(1) if isinstance(rules, dict) else None
    uncalibrated = isinstance(space, tuple) and space[1][:2] in (b"\xff\xff", b"\x02\0")
    return uncalibrated and isinstance(index, tuple) and index[1].startswith(b"R03")


def from_tiff(stream: BinaryIO, offset: int | None = None) -> bytes | None:
    """Collect the EXIF of a TIFF file in one block; None if it has none.

    Args:
        stream: The file.
        offset: The offset of the directory to read; None for the first.
    """

    def read(offset: int, size: int) -> bytes:
        stream.seek(offset)
        return stream.read(size)

    try:
        tree = _photographic(read_tree(read, offset)[1])
    except (struct.error, RecursionError, OverflowError, OSError):  # the last two for invalid offsets
        return None
    return _CLASSIC.header(8) + serialize(tree, 8, _CLASSIC) if tree else None


def into_tiff(tiff: bytes, exif: bytes) -> bytes:
    """Add an EXIF block to a TIFF file by appending a new first directory; ignore a damaged block."""
    try:
        form, main = tree_of(tiff)
    except (struct.error, RecursionError):
        return tiff
    tree = into_tree(main, exif)
    if tree is main:
        return tiff
    start = len(tiff) + len(tiff) % 2
    header = form.header(start)
    return header + tiff[len(header) :].ljust(start - len(header), b"\0") + serialize(tree, start, form)


def into_tree(main: Tree, exif: bytes) -> Tree:
    """Add an EXIF block to the directory of a TIFF file; ignore a damaged block."""
    try:
        block = tree_of(exif)[1]
    except (struct.error, RecursionError):
        return main
    tree = {**_photographic(block), **main}
    if _ORIENTATION in block:  # the orientation of a picture from memory may not be applied yet
        tree[_ORIENTATION] = block[_ORIENTATION]
    return tree


def _photographic(tree: Tree) -> Tree:
    return {tag: value for tag, value in tree.items() if tag in _DESCRIPTIVE or isinstance(value, dict)}
