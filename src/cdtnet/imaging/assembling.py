"""Writing TIFF files band by band: libvips encodes bands of a picture, and their strips are joined."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..system.machine import available_cores
from ..system.parallel import ordered
from .exif import into_tree
from .picture import Picture
from .tiff_directories import SIZE, Form, Tree, serialize, tree_of
from .write import BIG_TIFF, encode_tiff

BAND = 256  # rows in each band except the last; a multiple of the height of the strips that libvips writes
_HEIGHT, _OFFSETS, _COUNTS = 257, 273, 279
_LONG, _LONG8 = 4, 16


def write_bands(stream: BinaryIO, picture: Picture, bands: Iterable[NDArray[Any]]) -> None:
    """Write a TIFF file as `write_picture` does, from bands of pixels.

    Args:
        stream: An empty file.
        picture: The picture; its metadata, size and type are used, but not its pixels.
        bands: The pixels, (`BAND`,W,C) each; the last band has the remaining rows.
    """
    big = picture.pixels.nbytes > BIG_TIFF
    form = Form("<", big)
    tree: Tree = {}
    offsets: list[int] = []
    counts: list[int] = []

    def encode(band: NDArray[Any]) -> Any:
        return encode_tiff(Picture(band, picture.metadata), big=big)

    stream.write(bytes(len(form.header(0))))
    with ThreadPoolExecutor(min(available_cores(), 4)) as pool:
        for data in ordered(pool, encode, bands, 3):
            form, part = tree_of(data)
            tree = tree or part
            for place, size in zip(_numbers(part[_OFFSETS]), _numbers(part[_COUNTS]), strict=True):
                offsets.append(stream.tell())
                counts.append(size)
                stream.write(memoryview(data)[place : place + size])
    tree[_HEIGHT] = _LONG, struct.pack("<I", picture.height)
    tree[_OFFSETS] = _LONG8 if big else _LONG, np.array(offsets, "<u8" if big else "<u4").tobytes()
    tree[_COUNTS] = _LONG, np.array(counts, "<u4").tobytes()
    if picture.metadata.exif is not None:
        tree = into_tree(tree, picture.metadata.exif)
    stream.write(bytes(stream.tell() % 2))
    directory = stream.tell()
    stream.write(serialize(tree, directory, form))
    stream.seek(0)
    stream.write(form.header(directory))


def _numbers(value: Any) -> list[int]:
    """Return the integers of a directory in the smallest type that holds them."""
    kind, raw = value
    return np.frombuffer(raw, f"<u{SIZE[kind]}").tolist()
