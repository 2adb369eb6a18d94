"""The picture formats that are read and written, and what each can hold. A new format begins here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: As messages and `Metadata.format` have it.
        suffixes: Of file names, in lower case; the usual one first.
        depths: The types of pixels that a file can hold.
        longest: The most pixels a side, or None for no limit.
        alpha: Whether a file can hold an alpha channel.
    """

    name: str
    suffixes: tuple[str, ...]
    depths: tuple[str, ...]
    longest: int | None = None
    alpha: bool = True

    @property
    def suffix(self) -> str:
        """The usual suffix."""
        return self.suffixes[0]

    @property
    def key(self) -> str:
        """The name by which requests ask for it."""
        return self.name.lower()

    @property
    def media_type(self) -> str:
        """The MIME type."""
        return f"image/{self.key}"


JPEG = Format("JPEG", (".jpg", ".jpeg"), ("uint8",), longest=65535, alpha=False)
PNG = Format("PNG", (".png",), ("uint8", "uint16"))
TIFF = Format("TIFF", (".tif", ".tiff"), ("uint8", "uint16", "float32"))
WEBP = Format("WebP", (".webp",), ("uint8",), longest=16383)

FORMATS = {format_.name: format_ for format_ in (JPEG, PNG, TIFF, WEBP)}
SUFFIXES = {suffix: format_.name for format_ in FORMATS.values() for suffix in format_.suffixes}
"""The format of each suffix."""


def has_picture_suffix(path: str) -> bool:
    """Whether a file's name ends as that of a picture."""
    return path.lower().endswith(tuple(SUFFIXES))
