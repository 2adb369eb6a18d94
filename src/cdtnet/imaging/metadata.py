"""The metadata of a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .native import Native


@dataclass(frozen=True)
class Metadata:
    """Metadata that is written back unchanged.

    Attributes:
        icc: The ICC color profile, or one made from other color definitions of the file.
        exif: The EXIF block from its TIFF header on, without its prefix in JPEG.
        xmp: The XMP packet.
        iptc: Photoshop's resources, which include IPTC, without thumbnails; written to JPEG and TIFF.
        resolution: Horizontal and vertical pixels per millimeter, or None if the source has none.
        lossless: Whether the source is lossless, which decides how a WebP file is written.
        format: The name of the format that was read, as in `formats`, or None for pictures from memory.
        chunks: Whole color and text chunks of a PNG file; written back to PNG only.
        bits: Bits per channel if neither 8 nor 16, as in AVIF and HEIC.
        hdr: The code points of an HDR signal, primaries and transfer function first; overrides `icc`.
        associated: Whether a TIFF file stores colors multiplied by alpha; it is written back in the same way.
        native: The CMYK or L*a*b* pixels from which `pixels` were made; written back where `pixels` are
            unchanged.
        exr: The header and the other channels of an OpenEXR file.
        thumbnails: Where the file has thumbnails, as in `thumbnails`; they are generated again.
        left_out: A sentence on each part of the file that no result can contain.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    resolution: tuple[float, float] | None = None
    lossless: bool = True
    format: str | None = None
    chunks: tuple[bytes, ...] = ()
    bits: int | None = None
    hdr: tuple[int, int, int, int] | None = None
    associated: bool = False
    native: Native | None = field(default=None, compare=False, repr=False)
    exr: Any = field(default=None, compare=False, repr=False)
    thumbnails: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
