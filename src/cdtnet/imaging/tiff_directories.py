"""Directories of TIFF files, classic and big, and of EXIF blocks, which are small classic TIFF files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple, Union

EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_SUBDIRECTORIES = (EXIF, GPS, INTEROPERABILITY)
# Bytes per value of each type, and of the words inside it that byte order applies to.
SIZE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WORD = {**SIZE, 5: 4, 10: 4}
_BIG_ONLY = (16, 17, 18)
_MOST = 1 << 26  # limit of all values together in bytes, because forged directories can share data

Read = Callable[[int, int], bytes]
Tree = dict[int, Union[tuple[int, bytes], "Tree"]]  # tag -> (type, little-endian bytes), or a subdirectory


class Form(NamedTuple):
    """The byte order and kind of a TIFF file.

    Attributes:
        order: The byte order, "<" or ">", as in `struct`.
        big: Whether it is a BigTIFF, with offsets of 8 bytes instead of 4.
    """

    order: str
    big: bool

    @property
    def pointer(self) -> str:
        """The format of an offset, for `struct`."""
        return self.order + ("Q" if self.big else "I")

    @property
    def slot(self) -> int:
        """The number of bytes that are stored in the directory entry itself."""
        return 8 if self.big else 4

    @property
    def length(self) -> str:
        """The format of the number of entries at the start of a directory, for `struct`."""
        return self.order + ("Q" if self.big else "H")

    @property
    def entry(self) -> str:
        """The format of an entry: tag, type, number of values, slot; for `struct`."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    def header(self, first: int) -> bytes:
        """Return the header of a file whose first directory is at offset `first`."""
        name = b"II" if self.order == "<" else b"MM"
        if self.big:
            return name + struct.pack(self.order + "HHHQ", 43, 8, 0, first)
        return name + struct.pack(self.order + "HI", 42, first)


def read_header(head: bytes) -> tuple[Form, int]:
    """Read the form and the first directory's offset from a file's first 16 bytes.

    Raises:
        struct.error: The file is not a TIFF file.
    """
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise struct.error("not a TIFF structure")
    magic, offset = struct.unpack(order + "HI", head[2:8])
    if magic == 43:
        (offset,) = struct.unpack(order + "Q", head[8:16])
    elif magic != 42:
        raise struct.error("not a TIFF structure")
    return Form(order, magic == 43), offset


def read_tree(read: Read, offset: int | None = None) -> tuple[Form, Tree]:
    """Read the form and a directory of a file, with its EXIF and GPS subdirectories.

    Args:
        read: A function that returns at most a given number of bytes from an offset.
        offset: The offset of the directory; None for the first.

    Raises:
        struct.error: The file is damaged.
        RecursionError: The file is damaged.
    """
    form, first = read_header(read(0, 16))
    return form, _Parser(read, form).tree(first if offset is None else offset)


def tree_of(data: bytes) -> tuple[Form, Tree]:
    """Read the form and a directory of a file in memory."""
    return read_tree(lambda place, size: data[place : place + size])


def serialize(tree: Tree, start: int, form: Form) -> bytes:
    """Serialize a directory for the offset `start`, with its longer values and subdirectories."""
    if not form.big:
        tree = {tag: v for tag, v in tree.items() if isinstance(v, dict) or v[0] not in _BIG_ONLY}
    slots, tail = b"", b""
    end = start + struct.calcsize(form.length) + struct.calcsize(form.entry) * len(tree) + form.slot
    for tag, value in sorted(tree.items(), key=lambda item: item[0]):
        pointer = struct.pack(form.pointer, end + len(tail))
        if isinstance(value, dict):
            slots += struct.pack(form.entry, tag, 18 if form.big else 4, 1, pointer)
            tail += serialize(value, end + len(tail), form)
            continue
        kind, raw = value
        stored = raw if form.order == "<" else _swapped(raw, kind)
        inside = len(raw) <= form.slot
        slots += struct.pack(form.entry, tag, kind, len(raw) // SIZE[kind], stored if inside else pointer)
        if not inside:
            tail += stored + b"\0" * (len(raw) % 2)
    return struct.pack(form.length, len(tree)) + slots + bytes(form.slot) + tail


class _Parser:
    """Reads directories; repeated tags, and values that would take too much memory, are skipped."""

    def __init__(self, read: Read, form: Form) -> None:
        self._read, self._form = read, form
        self._room = _MOST

    def tree(self, offset: int, depth: int = 0) -> Tree:
        """Read the directory at an offset, with its subdirectories."""
        form = self._form
        tree: Tree = {}
        head = struct.calcsize(form.length)
        (count,) = struct.unpack(form.length, self._read(offset, head))
        if count > 0xFFFF:
            raise struct.error("a directory has more entries than there are tags")
        entries = self._read(offset + head, struct.calcsize(form.entry) * count)
        for tag, kind, number, slot in struct.iter_unpack(form.entry, entries):
            size = SIZE.get(kind, 0) * number
            if tag in tree or not 0 < size <= self._room:
                continue
            if tag in _SUBDIRECTORIES and depth < 2:  # EXIF, and the interoperability directory inside it
                place = struct.unpack(form.order + ("Q" if size == 8 else "I"), slot[:size])[0]
                tree[tag] = self.tree(place, depth + 1)
                continue
            tree[tag] = kind, self._value(slot, kind, size)
        return tree

    def _value(self, slot: bytes, kind: int, size: int) -> bytes:
        inside = size <= self._form.slot
        raw = slot[:size] if inside else self._read(struct.unpack(self._form.pointer, slot)[0], size)
        if len(raw) != size:
            raise struct.error("a value lies outside the file")
        self._room -= size
        return raw if self._form.order == "<" else _swapped(raw, kind)


def _swapped(raw: bytes, kind: int) -> bytes:
    word = _WORD[kind]
    return b"".join(raw[i : i + word][::-1] for i in range(0, len(raw), word))
