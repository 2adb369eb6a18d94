"""EXIF blocks, which are small TIFF files: made upright, and moved in and out of real TIFF files.

The picture library rewrites EXIF as it sees fit and knows none in TIFF files, so that blocks are kept as
bytes here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO, Union

_ORIENTATION, _EXIF, _GPS, _INTEROP = 0x0112, 0x8769, 0x8825, 0xA005
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_SUBDIRECTORIES = (_EXIF, _GPS, _INTEROP)
# Description, maker, model, software, date, artist, host, copyright, ratings and Windows' XP texts: the tags
# of a TIFF file's first directory that speak of the photograph and not of how its pixels are stored.
_DESCRIPTIVE = (270, 271, 272, 305, 306, 315, 316, 0x4746, 0x4749, 33432, *range(0x9C9B, 0x9CA0))
# Bytes per value of each TIFF type, and of the words inside it that byte order applies to.
_SIZE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_WORD = {**_SIZE, 5: 4, 10: 4}
_MOST = 1 << 26  # bytes that one value may take, so that a forged count cannot ask for all memory

Read = Callable[[int, int], bytes]
Tree = dict[int, Union[tuple[int, bytes], "Tree"]]  # tag -> (type, little-endian bytes), or a subdirectory


def upright(exif: bytes, *, sideways: bool = False) -> bytes | None:
    """The block for pixels that have been turned upright, without the thumbnail of the picture as it was.

    The bytes stay where they are (makers' notes hold offsets into the block); only single fields change.

    Args:
        exif: The block, from its TIFF header on.
        sideways: Whether turning has exchanged width and height.

    Returns:
        The block, or None where it is too damaged to be made upright.
    """
    data = bytearray(exif)

    def slots(offset: int) -> dict[int, int]:
        (count,) = struct.unpack_from(order + "H", data, offset)
        places = range(offset + 2, offset + 2 + 12 * count, 12)
        return {struct.unpack_from(order + "H", data, place)[0]: place for place in places}

    try:
        order, first = _header(exif[:8])
        main = slots(first)
        if _ORIENTATION in main:
            struct.pack_into(order + "HIHH", data, main[_ORIENTATION] + 2, 3, 1, 1, 0)
        struct.pack_into(
            order + "I", data, first + 2 + 12 * len(main), 0
        )  # no second directory: the thumbnail
        if sideways and _EXIF in main:
            sub = slots(struct.unpack_from(order + "I", data, main[_EXIF] + 8)[0])
            if _PIXEL_WIDTH in sub and _PIXEL_HEIGHT in sub:
                x, y = (slice(sub[tag] + 2, sub[tag] + 12) for tag in (_PIXEL_WIDTH, _PIXEL_HEIGHT))
                data[x], data[y] = data[y], data[x]
    except struct.error:
        return None
    return bytes(data)


def from_tiff(stream: BinaryIO) -> bytes | None:
    """Gather the EXIF of a TIFF file into one block; None where there is none, or in a BigTIFF file."""

    def read(offset: int, size: int) -> bytes:
        stream.seek(offset)
        return stream.read(size)

    try:
        order, first = _header(read(0, 8))
        tree = _photographic(_parse(read, first, order))
    except (struct.error, RecursionError):
        return None
    return struct.pack("<2sHI", b"II", 42, 8) + _serialise(tree, 8, "<") if tree else None


def into_tiff(tiff: bytes, exif: bytes) -> bytes:
    """Add an EXIF block to a TIFF file, by appending a new first directory; a damaged block adds nothing.

    A BigTIFF (more than 4 GB) is handed back unchanged, for its directories have another form.
    """

    def tree_of(data: bytes) -> tuple[str, Tree]:
        order, first = _header(data[:8])
        return order, _parse(lambda offset, size: data[offset : offset + size], first, order)

    try:
        order, main = tree_of(tiff)
        block = tree_of(exif)[1]
    except (struct.error, RecursionError):
        return tiff
    start = len(tiff) + len(tiff) % 2
    if _ORIENTATION in block:  # a picture handed over in memory may come with one that is still to be applied
        main[_ORIENTATION] = block[_ORIENTATION]
    directory = _serialise({**_photographic(block), **main}, start, order)
    return tiff[:4] + struct.pack(order + "I", start) + tiff[8:].ljust(start - 8, b"\0") + directory


def _header(head: bytes) -> tuple[str, int]:
    """Byte order (of `struct`) and the first directory's offset."""
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise struct.error("not a TIFF structure")
    magic, offset = struct.unpack(order + "HI", head[2:8])
    if magic != 42:
        raise struct.error("not a classic TIFF structure")
    return order, offset


def _photographic(tree: Tree) -> Tree:
    return {tag: value for tag, value in tree.items() if tag in _DESCRIPTIVE or isinstance(value, dict)}


def _parse(read: Read, offset: int, order: str, depth: int = 0) -> Tree:
    (count,) = struct.unpack(order + "H", read(offset, 2))
    tree: Tree = {}
    for tag, kind, number, slot in struct.iter_unpack(order + "HHI4s", read(offset + 2, 12 * count)):
        size = _SIZE.get(kind, 0) * number
        if not 0 < size <= _MOST:
            continue
        (place,) = struct.unpack(order + "I", slot)
        if tag in _SUBDIRECTORIES and depth < 2:  # EXIF, and interoperability inside it
            tree[tag] = _parse(read, place, order, depth + 1)
            continue
        raw = slot[:size] if size <= 4 else read(place, size)
        if len(raw) != size:
            raise struct.error("a value lies outside the file")
        tree[tag] = (kind, raw if order == "<" else _swapped(raw, kind))
    return tree


def _serialise(tree: Tree, start: int, order: str) -> bytes:
    """A directory that will lie at `start`, followed by its longer values and its subdirectories."""
    slots, tail = b"", b""
    end = start + 2 + 12 * len(tree) + 4
    for tag, value in sorted(tree.items(), key=lambda item: item[0]):
        pointer = struct.pack(order + "I", end + len(tail))
        if isinstance(value, dict):
            slots += struct.pack(order + "HHI", tag, 4, 1) + pointer
            tail += _serialise(value, end + len(tail), order)
            continue
        kind, raw = value
        slots += struct.pack(order + "HHI", tag, kind, len(raw) // _SIZE[kind])
        stored = raw if order == "<" else _swapped(raw, kind)
        slots += stored.ljust(4, b"\0") if len(raw) <= 4 else pointer
        if len(raw) > 4:
            tail += stored + b"\0" * (len(raw) % 2)
    return struct.pack(order + "H", len(tree)) + slots + bytes(4) + tail


def _swapped(raw: bytes, kind: int) -> bytes:
    word = _WORD[kind]
    return b"".join(raw[i : i + word][::-1] for i in range(0, len(raw), word))
