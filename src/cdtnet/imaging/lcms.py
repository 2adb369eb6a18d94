"""ICC profiles of all other kinds, by libvips and LittleCMS."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvips

from .icc import Floats, ProfileError


class LibrarySpace:
    """A color space that LittleCMS converts in 16 bits, relative colorimetric.

    Raises:
        ProfileError: LittleCMS cannot use the profile in both directions.
    """

    def __init__(self, icc: bytes) -> None:
        self._icc = icc
        self._gray = icc[16:20] == b"GRAY"
        try:
            self.from_srgb(self.to_srgb(np.zeros((1, 1, 1 if self._gray else 3), dtype=np.float32)))
        except pyvips.Error as error:
            raise ProfileError("LittleCMS cannot use it") from error

    def to_srgb(self, native: Floats) -> Floats:
        """Convert native values to sRGB, clipped to its gamut."""
        image = self._with_profile(_to_vips(native, "grey16" if self._gray else "rgb16"))
        return _to_array(image.icc_transform("srgb", embedded=True, intent="relative", depth=16))

    def from_srgb(self, values: Floats) -> Floats:
        """Convert sRGB values to native ones."""
        connected = _to_vips(values, "rgb16").icc_import(input_profile="srgb", intent="relative")
        return _to_array(self._with_profile(connected).icc_export(intent="relative", depth=16))

    def _with_profile(self, image: Any) -> Any:
        tagged = image.copy()
        tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", self._icc)
        return tagged


def _to_vips(values: Floats, interpretation: str) -> Any:
    height, width, bands = values.shape
    codes = np.rint(values * np.float32(65535)).astype(np.uint16)
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(codes).data, width, height, bands, "ushort")
    return image.copy(interpretation=interpretation)


def _to_array(image: Any) -> Floats:
    codes = np.frombuffer(image.write_to_memory(), dtype=np.uint16).astype(np.float32)
    return codes.reshape(image.height, image.width, image.bands) / np.float32(65535)
