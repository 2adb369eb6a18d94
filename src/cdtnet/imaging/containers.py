"""Details of the file formats: signatures, and the position of EXIF."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from . import exif as exif_blocks

_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    "raw": (b"II*\0\x10\0\0\0CR", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"\0MRM", b"FOVb"),
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "GIF": (b"GIF87a", b"GIF89a"),
    "BMP": (b"BM",),
    "JXL": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "EXR": (b"v/1\x01",),
}
_TGA = struct.Struct("<BBBHHBHHHHBB")
_JPEG_SEGMENT = 0xFFFF - 2 - len(b"Exif\0\0")


def format_of(head: bytes) -> str | None:
    """Return the format by a file's first 64 bytes; "raw" for camera raw files, None if unknown."""
    for name, beginnings in _BEGINNINGS.items():
        if head.startswith(beginnings):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[place : place + 4] for place in range(16, len(head), 4))}
        if b"crx " in brands:
            return "raw"
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"} else None
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n#":
        return "PNM"
    return "TGA" if _is_tga(head) else None


def _is_tga(head: bytes) -> bool:
    """Check whether a file may be Truevision TGA, which has no signature, by its first fields."""
    if len(head) < _TGA.size:
        return False
    _, palette, kind, start, count, size, _, _, width, height, bits, flags = _TGA.unpack_from(head)
    indexed = palette == 1 and kind in (1, 9) and count and size in (15, 16, 24, 32)
    direct = palette == 0 and kind in (2, 3, 10, 11) and not (start or count or size)
    return bool((indexed or direct) and width and height and bits in (8, 15, 16, 24, 32) and flags < 64)


def code_points(stream: BinaryIO) -> tuple[int, int, int, int] | None:
    """Return the color code points of an AVIF file, primaries and transfer function first."""
    stream.seek(0)
    data = stream.read(1 << 16)
    place = data.find(b"colrnclx")
    if place < 0 or place + 15 > len(data):
        return None
    primaries, transfer = struct.unpack_from(">HH", data, place + 8)
    return primaries, transfer, 0, 1  # libvips has applied matrix and range


def is_animated_png(stream: BinaryIO) -> bool:
    """Check whether a PNG file is animated, which is declared before the pixel data."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name in (b"acTL", b"IDAT"):
            return bool(name == b"acTL")
        stream.seek(size + 4, 1)
    return False


def is_lossless_webp(stream: BinaryIO) -> bool:
    """Check whether a WebP file is lossless."""
    stream.seek(12)
    while len(head := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name in (b"VP8L", b"VP8 "):
            return bool(name == b"VP8L")
        stream.seek(size + size % 2, 1)
    return False


def with_jfif(jpeg: bytes, resolution: tuple[float, float] | None) -> bytes:
    """Insert a JFIF header, which defines colors and resolution, into a JPEG file without one.

    Args:
        jpeg: The encoded picture.
        resolution: Horizontal and vertical pixels per millimeter; None for square pixels without a unit.
    """
    dots = [round(side * 25.4) for side in resolution] if resolution else []
    unit, (x, y) = (1, dots) if dots and 0 < min(dots) <= max(dots) <= 0xFFFF else (0, (1, 1))
    header = struct.pack(">2sH5sHBHHBB", b"\xff\xe0", 16, b"JFIF\0", 0x0101, unit, x, y, 0, 0)
    return jpeg[:2] + header + jpeg[2:]


def embed_exif(data: bytes, kind: str, exif: bytes, *, width: int, height: int, alpha: bool) -> bytes:
    """Insert an EXIF block, byte for byte, into an encoded picture without one.

    A block over 64 KB does not fit into a JPEG and is left out.

    Args:
        data: The encoded picture; a JPEG with its JFIF header.
        kind: "JPEG", "PNG", "TIFF" or "WebP".
        exif: The block, from its TIFF header on.
        width: Width in pixels.
        height: Height in pixels.
        alpha: Whether the picture has an alpha channel.
    """
    if kind == "JPEG":
        if len(exif) > _JPEG_SEGMENT:
            return data
        segment = b"Exif\0\0" + exif
        jfif_end = 20
        framed = struct.pack(">2sH", b"\xff\xe1", len(segment) + 2) + segment
        return data[:jfif_end] + framed + data[jfif_end:]
    if kind == "PNG":
        chunk = b"eXIf" + exif
        ihdr_end = 33
        framed = struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return data[:ihdr_end] + framed + data[ihdr_end:]
    if kind == "TIFF":
        return exif_blocks.into_tiff(data, exif)
    return _into_webp(data, exif, width, height, alpha)


def _into_webp(data: bytes, exif: bytes, width: int, height: int, alpha: bool) -> bytes:
    chunks = list(_webp_chunks(data))
    if chunks[0][0] != b"VP8X":  # the simple file format cannot hold metadata
        flags = 0x10 if alpha else 0
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks.insert(0, (b"VP8X", bytes([flags, 0, 0, 0]) + sides))
    name, extended = chunks[0]
    chunks[0] = (name, bytes([extended[0] | 0x08]) + extended[1:])
    before_xmp = next((i for i, chunk in enumerate(chunks) if chunk[0] == b"XMP "), len(chunks))
    chunks.insert(before_xmp, (b"EXIF", exif))
    body = b"".join(
        struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)
        for name, content in chunks
    )
    return struct.pack("<4sI4s", b"RIFF", len(body) + 4, b"WEBP") + body


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
