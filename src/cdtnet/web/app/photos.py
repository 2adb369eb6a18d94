"""Copies of a picture for the screen: a preview, and tiles at full resolution."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import Any

from ...errors import PictureError
from ...imaging import Picture, color_codec, encode_picture
from ...imaging.cutting import is_transparent
from ...imaging.formats import JPEG, PNG, WEBP
from ...imaging.preview import on_screen, shrunk

LONGEST = 2048  # longer side of a preview in pixels
QUALITY = 90  # quality of a preview
TILE = 512  # side of a tile in pixels


class OpaqueError(PictureError):
    """A photo without transparency was given as a cut-out; its object can be cut out."""


class Photo:
    """A picture and its copies for the screen, 8-bit sRGB.

    Attributes:
        id: An identifier of these pixels, so that browsers may cache them.
        picture: The original.

    Raises:
        PictureError: The color profile cannot be used.
    """

    def __init__(self, picture: Picture) -> None:
        self.id = secrets.token_urlsafe(9)
        self.picture = picture
        color_codec(picture)

    @property
    def nbytes(self) -> int:
        """The memory in bytes, without previews."""
        return self.picture.pixels.nbytes

    def describe(self) -> dict[str, Any]:
        """Return the description for the page."""
        picture = self.picture
        return {
            "id": self.id,
            "width": picture.width,
            "height": picture.height,
            "depth": 8 * picture.pixels.dtype.itemsize,
            "transparent": is_transparent(picture),
            "format": picture.metadata.format,
        }

    @cached_property
    def preview(self) -> tuple[bytes, str]:
        """Encode the whole picture with at most `LONGEST` pixels per side; return bytes and media type.

        It is lossless if it is not reduced, and if it is a mask, whose levels matter.
        """
        shown = on_screen(shrunk(self.picture, LONGEST))
        lossy = JPEG if shown.alpha is None else WEBP
        whole = max(self.picture.width, self.picture.height) <= LONGEST
        format_ = PNG if whole or self.picture.pixels.shape[2] == 1 else lossy
        return encode_picture(shown, format_.suffix, quality=QUALITY), format_.media_type

    def tile(self, column: int, row: int) -> tuple[bytes, str]:
        """Encode a part at full resolution, lossless; return bytes and media type.

        Raises:
            PictureError: There is no such tile.
        """
        rows, columns = (slice(k * TILE, (k + 1) * TILE) for k in (row, column))
        part = self.picture.pixels[rows, columns]
        if part.size == 0:
            raise PictureError("There is no such tile.")
        return encode_picture(on_screen(self.picture.replace_pixels(part)), PNG.suffix), PNG.media_type
