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
        icc: The ICC color profile; or one made of what else the file says of its colors.
        exif: The EXIF block from its TIFF header on, without the prefix it has in JPEG.
        xmp: The XMP packet.
        iptc: Photoshop's resources, of which IPTC is one, without thumbnails; written to JPEG and TIFF.
        resolution: Horizontal and vertical pixels per millimeter, or None where the source gives none.
        lossless: Whether the source holds its pixels exactly; decides how a WebP file is written.
        format: The name of the format that was read, as in `formats`, or None for pictures from memory.
        chunks: Of a PNG file, those on colors and its texts, whole; written back to PNG only.
        bits: Bits a channel where they are neither 8 nor 16, as in AVIF and HEIC.
        hdr: The code points of an HDR signal, primaries and transfer function first; goes before `icc`.
        associated: Whether a TIFF file holds its colors multiplied by alpha; written back so.
        native: The pixels in CMYK or L*a*b*, which `pixels` were made of; written back where these have not
            changed.
        exr: Of an OpenEXR file, its header and other channels.
        thumbnails: Where the file has small copies of the picture, as in `thumbnails`; they are made anew.
        left_out: A sentence on each thing that the file holds and no result can.
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
