"""Pictures in CMYK or L*a*b*: converted to RGB, and written back bit-identical where nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError

UNTAGGED = "The picture has no CMYK profile; common printing inks are assumed."
_ROWS = 256


@dataclass(frozen=True, eq=False)
class Native:
    """The picture as stored in its file.

    Attributes:
        pixels: (H, W, 4) uint8 or uint16 amounts of ink; or (H, W, 3) L*a*b*, uint8, uint16 or float32.
        icc: The profile of the inks; None for the one of libvips.
        space: "cmyk", "lab" or "icclab"; see `pages.LAB`.
    """

    pixels: NDArray[Any]
    icc: bytes | None
    space: str = "cmyk"

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
        """Add to each native pixel the difference that its new color makes in the native space.

        Args:
            rgb: (H, W, 3), the new colors; where they equal `to_rgb`, native values are bit-identical.
        """
        result = self.pixels.copy()
        for start in range(0, len(rgb), _ROWS):
            rows = slice(start, start + _ROWS)
            before = _to_rgb(self._image(self.pixels[rows]))
            moved = (before != rgb[rows]).any(axis=-1)
            if moved.any():
                shift = self._values_of_rgb(rgb[rows]) - self._values_of_rgb(before)
                result[rows][moved] = self._stored(self._values(self.pixels[rows]) + shift)[moved]
        return result

    def _image(self, pixels: NDArray[Any]) -> Any:
        """Return the libvips image in the profile connection space."""
        if self.space != "cmyk":
            return pyvips.Image.new_from_array(self._values(pixels)).copy(interpretation="lab")
        image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).copy(interpretation="cmyk")
        if self.icc is None:
            return image.icc_import(input_profile="cmyk", intent="relative")
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", self.icc)
        return image.icc_import(embedded=True, intent="relative")

    def _values_of_rgb(self, rgb: NDArray[np.uint16]) -> NDArray[np.float32]:
        image = pyvips.Image.new_from_array(np.ascontiguousarray(rgb)).copy(interpretation="rgb16")
        seen = image.icc_import(input_profile="srgb", intent="relative")
        if self.space != "cmyk":
            return seen.numpy().astype(np.float32)
        profile = {} if self.icc else {"output_profile": "cmyk"}
        if self.icc:
            seen = seen.copy()
            seen.set_type(pyvips.GValue.blob_type, "icc-profile-data", self.icc)
        return seen.icc_export(depth=16, intent="relative", **profile).numpy().astype(np.float32)

    def _values(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return amounts of ink in 0..65535, or L* in 0..100 with a* and b* in -128..128."""
        scale, middle = self._scale()
        if self.space == "lab" and pixels.dtype.kind == "u":
            light, colors = pixels[..., :1], pixels[..., 1:].astype(f"i{pixels.itemsize}")
            return np.concatenate([light, colors], axis=-1).astype(np.float32) / scale
        return (pixels.astype(np.float32) - middle) / scale

    def _stored(self, values: NDArray[np.float32]) -> NDArray[Any]:
        dtype = self.pixels.dtype
        if dtype.kind == "f":
            return values
        scale, middle = self._scale()
        whole, top = np.rint(values * scale + middle), np.iinfo(dtype).max
        if self.space != "lab":
            return whole.clip(0, top).astype(dtype)
        half = top // 2
        light, colors = whole[..., :1].clip(0, top), whole[..., 1:].clip(-half - 1, half)
        return np.concatenate([light, colors], axis=-1).astype(np.int64).astype(dtype)

    def _scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the stored steps per unit, and the stored value of 0, for each channel."""
        if self.pixels.dtype.kind == "f":
            return np.ones(1, np.float32), np.zeros(1, np.float32)
        top, step = np.iinfo(self.pixels.dtype).max, 256 ** (self.pixels.itemsize - 1)
        if self.space == "cmyk":
            return np.array([top / 65535], np.float32), np.zeros(1, np.float32)
        middle = 128 * step if self.space == "icclab" else 0
        return np.array([top / 100, step, step], np.float32), np.array([0, middle, middle], np.float32)


def _to_rgb(connected: Any) -> NDArray[np.uint16]:
    values: NDArray[np.uint16] = connected.icc_export(
        output_profile="srgb", depth=16, intent="relative"
    ).numpy()
    return values
