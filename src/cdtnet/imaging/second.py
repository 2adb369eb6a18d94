"""Extra content of camera files that does not fit a changed picture.

Gain maps, second pictures and videos are left out of results, with the XMP that announces them, and a
message says so.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree import ElementTree

_GAIN_MAP = b"http://ns.adobe.com/hdr-gain-map/1.0/"
_CONTAINER = b"http://ns.google.com/photos/1.0/container/"
_CAMERA = b"http://ns.google.com/photos/1.0/camera/"
_APPLE = (b"http://ns.apple.com/HDRGainMap/1.0/", b"http://ns.apple.com/pixeldatainfo/1.0/")
_NAMESPACES = (_GAIN_MAP, _CONTAINER, _CONTAINER + b"item/", *_APPLE)
_VIDEO = re.compile(rb"\b[\w.-]+:(?:MotionPhoto|MicroVideo)(?:\s*=\s*[\"']|>)\s*1")
_VIDEO_NAMES = rb"(?:MotionPhoto|MicroVideo)\w*"
_QUOTED = rb"""(?:"[^"]*"|'[^']*')"""
_IPTC, _THUMBNAILS = 1028, (1033, 1036)  # Photoshop's resources
PREFIX = b"Photoshop 3.0\0"
"""The prefix of Photoshop's resources in a JPEG file."""
_HEADER = 1 << 20  # bytes at the beginning of a JPEG that are searched for announcements


def describe(stream: BinaryIO, xmp: bytes | None) -> str | None:
    """Describe the content of a JPEG file besides its picture; None if there is none."""
    mpf, gain_map = _announced(stream)
    found = []
    if gain_map or any(name in (xmp or b"") for name in (_GAIN_MAP, *_APPLE)):
        found.append("HDR gain map")
    elif mpf:
        found.append("second picture")
    if xmp and _VIDEO.search(xmp):
        found.append("video")
    if not found:
        return None
    verb = "are" if len(found) > 1 else "is"
    return f"The file's {' and '.join(found)} would not fit the changed picture and {verb} left out."


def without_promises(xmp: bytes | None) -> bytes | None:
    """Remove announcements of gain maps, second pictures and videos from XMP."""
    if xmp is None or not (any(name in xmp for name in _NAMESPACES) or _VIDEO.search(xmp)):
        return xmp
    cleared = xmp
    names = [(namespace, rb"[\w.-]+") for namespace in _NAMESPACES] + [(_CAMERA, _VIDEO_NAMES)]
    for namespace, name in names:
        declared = re.search(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(namespace) + rb"[\"']", xmp)
        if declared is None:
            continue
        full = re.escape(declared[1]) + rb":" + name
        cleared = re.sub(rb"<(" + full + rb")\b[^<>]*/>", b"", cleared)
        cleared = re.sub(rb"<(" + full + rb")\b[^<>]*>.*?</\1\s*>", b"", cleared, flags=re.DOTALL)
        cleared = re.sub(rb"\s" + full + rb"\s*=\s*" + _QUOTED, b"", cleared)
        if name != _VIDEO_NAMES:
            cleared = cleared.replace(b" " + declared[0].strip(), b"")
    try:
        ElementTree.fromstring(cleared.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None  # the rest cannot be interpreted
    return cleared


def resources(photoshop: bytes | None, iptc: bytes | None = None) -> bytes | None:
    """Return Photoshop's resources without thumbnails; damaged ones are unchanged.

    Args:
        photoshop: The resources, as in a JPEG or a TIFF file.
        iptc: IPTC stored outside them, as in a TIFF file; added as one of them.
    """
    given = (photoshop or b"").removeprefix(PREFIX)
    found = list(_resources(given))
    kept = b"".join(whole for number, whole in found if number not in _THUMBNAILS)
    kept += given[sum(len(whole) for _, whole in found) :]
    if iptc and all(number != _IPTC for number, _ in found):
        kept += b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    return kept or None


def has_thumbnail(photoshop: bytes | None) -> bool:
    """Check for a thumbnail in Photoshop's resources."""
    return any(number in _THUMBNAILS for number, _ in _resources((photoshop or b"").removeprefix(PREFIX)))


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each resource, up to the first damaged one."""
    place = 0
    while place + 12 <= len(data) and data[place : place + 4] == b"8BIM":
        (number,) = struct.unpack_from(">H", data, place + 4)
        name = data[place + 6] + 1  # with its length byte
        start = place + 6 + name + name % 2 + 4
        if start > len(data):
            return
        end = start + int.from_bytes(data[start - 4 : start], "big")
        following = end + (end - start) % 2
        yield number, data[place:following]
        place = following


def _announced(stream: BinaryIO) -> tuple[bool, bool]:
    """Check whether a JPEG's header lists other pictures, and has an ISO 21496-1 gain map."""
    stream.seek(0)
    data = stream.read(_HEADER)
    place, mpf, gain_map = 2, False, False
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        (size,) = struct.unpack_from(">H", data, place + 2)
        if data[place + 1] == 0xE2:
            body = data[place + 4 : place + 2 + size]
            mpf = mpf or body.startswith(b"MPF\0")
            gain_map = gain_map or body.startswith(b"urn:iso:std:iso:ts:21496:-1")
        place += 2 + size
    return mpf, gain_map
