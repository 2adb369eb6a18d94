"""Pictures in CMYK: seen as RGB, and written back in inks, bit-identical where nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError

UNTAGGED = (
    "The picture says not by which profile its inks are meant; they are taken for common printing inks."
)
_ROWS = 256


@dataclass(frozen=True, eq=False)
class Native:
    """The picture as stored in its file.

    Attributes:
        pixels: (H, W, 4) uint8 or uint16 amounts of ink.
        icc: The profile of the inks; None for libvips' own.
    """

    pixels: NDArray[Any]
    icc: bytes | None

    def to_rgb(self) -> NDArray[np.uint16]:
        """Convert inks to (H, W, 3) sRGB, relative colorimetric.

        Raises:
            PictureError: The profile cannot be used.
        """
        try:
            return _to_rgb(self._image(self.pixels))
        except pyvips.Error as error:
            raise PictureError(
                "The picture's CMYK profile is damaged; remove it or convert the picture to RGB."
            ) from error

    def changed(self, rgb: NDArray[np.uint16]) -> NDArray[Any]:
        """Move each pixel's inks by the difference that its new color makes in inks.

        Args:
            rgb: (H, W, 3), of which pixels that are as `to_rgb` had them keep their inks bit for bit.
        """
        result = self.pixels.copy()
        top = np.float32(np.iinfo(self.pixels.dtype).max)
        for start in range(0, len(rgb), _ROWS):
            rows = slice(start, start + _ROWS)
            before = _to_rgb(self._image(self.pixels[rows]))
            moved = (before != rgb[rows]).any(axis=-1)
            if moved.any():
                shift = self._inks(rgb[rows]) - self._inks(before)
                inks = np.rint(np.clip(self.pixels[rows] + shift * (top / 65535), 0, top))
                result[rows][moved] = inks[moved].astype(result.dtype)
        return result

    def _image(self, pixels: NDArray[Any]) -> Any:
        image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).copy(interpretation="cmyk")
        if self.icc is None:
            return image.icc_import(input_profile="cmyk", intent="relative")
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", self.icc)
        return image.icc_import(embedded=True, intent="relative")

    def _inks(self, rgb: NDArray[np.uint16]) -> NDArray[np.float32]:
        image = pyvips.Image.new_from_array(np.ascontiguousarray(rgb)).copy(interpretation="rgb16")
        seen = image.icc_import(input_profile="srgb", intent="relative")
        if self.icc is None:
            return (
                seen.icc_export(output_profile="cmyk", depth=16, intent="relative").numpy().astype(np.float32)
            )
        seen = seen.copy()
        seen.set_type(pyvips.GValue.blob_type, "icc-profile-data", self.icc)
        return seen.icc_export(depth=16, intent="relative").numpy().astype(np.float32)


def _to_rgb(connected: Any) -> NDArray[np.uint16]:
    values: NDArray[np.uint16] = connected.icc_export(
        output_profile="srgb", depth=16, intent="relative"
    ).numpy()
    return values
