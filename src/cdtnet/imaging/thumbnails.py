"""Thumbnails in a file's metadata, which are generated again for a changed picture."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

from . import exif as exif_blocks
from .metadata import Metadata

EXIF, PHOTOSHOP = "EXIF", "Photoshop"
RESOURCE = 1036
"""The number of Photoshop's thumbnail resource."""
_LONGEST = 160  # longer side in pixels, as usual in EXIF
_MOST = 60_000  # largest EXIF in bytes; a JPEG file can hold slightly more


def refreshed(metadata: Metadata, image: Any) -> Metadata:
    """Return the metadata with thumbnails wherever the source had them.

    Args:
        metadata: The metadata without thumbnails; `thumbnails` lists where they were.
        image: The libvips image of the picture, with its profile.
    """
    if not metadata.thumbnails:
        return metadata
    profile = {"export_profile": "srgb"} if image.get_typeof("icc-profile-data") else {}
    small = image.thumbnail_image(_LONGEST, height=_LONGEST, size="down", **profile)
    small = (small.flatten(background=255) if small.hasalpha() else small).colourspace("srgb")
    jpeg = small.jpegsave_buffer(Q=80, keep=0)
    exif, resources = metadata.exif, metadata.iptc
    if exif and EXIF in metadata.thumbnails and len(exif) + len(jpeg) <= _MOST:
        exif = exif_blocks.with_thumbnail(exif, jpeg)
    if PHOTOSHOP in metadata.thumbnails:
        resources = (resources or b"") + _resource(small.width, small.height, jpeg)
    return replace(metadata, exif=exif, iptc=resources, thumbnails=())


def _resource(width: int, height: int, jpeg: bytes) -> bytes:
    row = (width * 24 + 31) // 32 * 4
    data = struct.pack(">6I2H", 1, width, height, row, row * height, len(jpeg), 24, 1) + jpeg
    return b"8BIM" + struct.pack(">HHI", RESOURCE, 0, len(data)) + data + bytes(len(data) % 2)
