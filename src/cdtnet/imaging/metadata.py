"""What a picture's file holds besides its pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metadata:
    """What travels with the pixels and is written back unchanged.

    Attributes:
        icc: The ICC color profile.
        exif: The EXIF block from its TIFF header on, without the prefix it has in JPEG.
        xmp: The XMP packet.
        iptc: The IPTC block as the file wraps it, written back from JPEG to JPEG only.
        resolution: Horizontal and vertical pixels per millimetre, or None where the source gives none.
        lossless: Whether the source holds its pixels exactly; decides how a WebP file is written.
        format: The format that was read ("JPEG", "PNG", "TIFF", "WebP"), or None for pictures from memory.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    resolution: tuple[float, float] | None = None
    lossless: bool = True
    format: str | None = None
