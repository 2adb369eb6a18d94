"""The table of picture formats: which are read and written, and what each can hold. Add new formats here.

This module loads no image library, so that checks of names are fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

_INTEGERS = ("uint8", "uint16")


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: The name in messages and in `Metadata.format`.
        suffixes: The suffixes of file names, in lower case; the usual one first.
        depths: The types of pixels that are written; empty for read-only formats.
        longest: The largest side in pixels, or None for no limit.
        alpha: Whether it supports an alpha channel.
        extra: The extra of this package that installs its library; "" if the default install includes it.
        bits: The largest number of bits per integer channel.
        media_type: The MIME type; by default derived from the name.
    """

    name: str
    suffixes: tuple[str, ...]
    depths: tuple[str, ...] = ()
    longest: int | None = None
    alpha: bool = True
    extra: str = ""
    bits: int = 16
    media_type: str = ""

    def __post_init__(self) -> None:
        if not self.media_type:
            object.__setattr__(self, "media_type", f"image/{self.key}")

    @property
    def suffix(self) -> str:
        """The usual suffix of file names."""
        return self.suffixes[0]

    @property
    def key(self) -> str:
        """The name in requests and options."""
        return self.name.lower()


JPEG = Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".jif"), _INTEGERS[:1], longest=65535, alpha=False)
PNG = Format("PNG", (".png", ".apng"), _INTEGERS)
TIFF = Format("TIFF", (".tif", ".tiff"), (*_INTEGERS, "float32"))
WEBP = Format("WebP", (".webp",), _INTEGERS[:1], longest=16383)
AVIF = Format("AVIF", (".avif",), _INTEGERS, longest=16384, bits=12)
HEIC = Format("HEIC", (".heic", ".heif", ".hif"), _INTEGERS, longest=16384, extra="heif", bits=12)
JXL = Format("JXL", (".jxl",), _INTEGERS, extra="jxl")
EXR = Format("EXR", (".exr",), ("float32",), extra="exr", media_type="image/x-exr")
GIF = Format("GIF", (".gif",))
BMP = Format("BMP", (".bmp", ".dib"))
PNM = Format("PNM", (".ppm", ".pgm", ".pbm", ".pnm"), media_type="image/x-portable-anymap")
TGA = Format("TGA", (".tga", ".icb", ".vda", ".vst"), media_type="image/x-tga")
JP2 = Format("JPEG 2000", (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"), media_type="image/jp2")

FORMATS = {
    format_.name: format_
    for format_ in (JPEG, PNG, TIFF, WEBP, AVIF, HEIC, JXL, EXR, GIF, BMP, PNM, TGA, JP2)
}
"""All readable formats, by name."""
WRITTEN = {name: format_ for name, format_ in FORMATS.items() if format_.depths}
"""The formats that are also written."""
SUFFIXES = {suffix: format_.name for format_ in FORMATS.values() for suffix in format_.suffixes}
"""The format of each suffix."""
SUFFIXES_WRITTEN = {suffix: name for suffix, name in SUFFIXES.items() if name in WRITTEN}
"""The written format of each suffix."""

CAMERA_RAW = frozenset(
    (
        ".3fr",
        ".arw",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dng",
        ".erf",
        ".fff",
        ".iiq",
        ".kdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    )
)
"""The suffixes of camera raw files."""
LAYERED = {".psd": "PSD", ".ora": "OpenRaster"}
"""The kind of files that always hold layers, by suffix."""
_OTHERS = frozenset(
    (
        ".psb",
        ".xcf",
        ".kra",
        ".afphoto",
        ".svg",
        ".svgz",
        ".ico",
        ".hdr",
        ".dds",
        ".pcx",
        ".jxr",
        ".wdp",
    )
)


def has_picture_suffix(path: str) -> bool:
    """Check whether a file's name has the suffix of a readable picture."""
    return _suffix(path) in SUFFIXES


def is_layered(path: str | PurePath) -> bool:
    """Check whether a file's name has the suffix of a format that always holds layers."""
    return _suffix(str(path)) in LAYERED


def why_unread(path: str) -> str | None:
    """Explain why a file with a picture's suffix cannot be read; None for others."""
    suffix = _suffix(path)
    if suffix in CAMERA_RAW:
        return f"{path} is a camera raw file; develop it to TIFF or JPEG first."
    if suffix in LAYERED:
        return (
            f"{path} holds layers, which only harmonize and compose read instead of a composite and mask; "
            "export it as TIFF or PNG."
        )
    if suffix in _OTHERS:
        return f"{path} has a format that is not supported; export it as TIFF or PNG."
    return None


def result_suffix(path: str | PurePath) -> str:
    """Return the default suffix of a result: its source's, or .png if that is only read."""
    given = PurePath(path).suffix
    return given if given.lower() in SUFFIXES_WRITTEN else PNG.suffix


def result_format(name: str | None) -> Format:
    """Return the default format of a result: its source's, or PNG if that is only read."""
    return WRITTEN.get(name or "", PNG)


def able(depth: str, *, alpha: bool = False) -> str:
    """Name the common formats that support a pixel type, and alpha if wanted, such as "PNG or TIFF"."""
    common = (JPEG, PNG, TIFF, WEBP)
    names = [format_.name for format_ in common if depth in format_.depths and (format_.alpha or not alpha)]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _suffix(path: str) -> str:
    return PurePath(path.replace("\\", "/")).suffix.lower()
