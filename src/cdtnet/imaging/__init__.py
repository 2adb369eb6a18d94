"""Pictures, masks and lookup tables: read, turned into what a network sees, turned back, and written.

libvips is loaded when the first file is read or written, so that callers with arrays need not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .color import ColorCodec, color_codec
from .convert import like, to_picture
from .cube import Lut
from .masks import coverage, describe, to_mask
from .metadata import Metadata
from .picture import Picture

if TYPE_CHECKING:
    from .read import read_picture
    from .write import describe_encoding, encode_picture, write_picture

__all__ = [
    "ColorCodec",
    "Lut",
    "Metadata",
    "Picture",
    "color_codec",
    "coverage",
    "describe",
    "describe_encoding",
    "encode_picture",
    "like",
    "read_picture",
    "to_mask",
    "to_picture",
    "write_picture",
]


def __getattr__(name: str) -> Any:
    if name == "read_picture":
        from .read import read_picture

        return read_picture
    if name in ("describe_encoding", "encode_picture", "write_picture"):
        from . import write

        return getattr(write, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
