"""Pictures, masks and lookup tables: reading, conversion for the network and back, and writing.

Importing the package is cheap; libvips is loaded when the first file is read or written.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .color import ColorCodec, color_codec
    from .convert import like, to_picture
    from .cube import Lut
    from .masks import coverage, describe, to_mask, to_masks
    from .metadata import Metadata
    from .picture import Picture
    from .read import read_picture
    from .write import describe_encoding, encode_picture, write_picture

_NAMES = {
    "color": ("ColorCodec", "color_codec"),
    "convert": ("like", "to_picture"),
    "cube": ("Lut",),
    "masks": ("coverage", "describe", "to_mask", "to_masks"),
    "metadata": ("Metadata",),
    "picture": ("Picture",),
    "read": ("read_picture",),
    "write": ("describe_encoding", "encode_picture", "write_picture"),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

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
    "to_masks",
    "to_picture",
    "write_picture",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
