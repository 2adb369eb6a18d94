"""Conversion between native pixels and the sRGB values of the network."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .depth import full_scale, unit
from .icc import Floats, ProfileError, Shaper, shaper, srgb
from .picture import Picture
from .profiles import hdr_shaper

_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # Rec. 709
_SAME = (
    2 / 255
)  # levels: a profile that changes no color by more is sRGB up to rounding; other profiles exceed 8


def luma(rgb: NDArray[Any], weights: NDArray[np.float32] = _LUMA) -> Floats:
    """Return the brightness (…) of colors (…, 3), independent of neighboring pixels.

    A matrix product would be faster, but its rounding depends on the position in the array.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # NaN, infinities and very large floats
        total = np.multiply(rgb[..., 0], weights[0], dtype=np.float32)
        for channel in (1, 2):
            total += np.multiply(rgb[..., channel], weights[channel], dtype=np.float32)
    return total


class ColorSpace(Protocol):
    """A color profile for values in 0..1: (h, w, 3), or (h, w, 1) native values of a gray profile."""

    def to_srgb(self, native: Floats) -> Floats:
        """Convert native values to sRGB, clipped to its gamut."""

    def from_srgb(self, values: Floats) -> Floats:
        """Convert sRGB values to native ones."""


class ColorCodec:
    """Converts tiles of one picture to sRGB and, once recolored, back; see `color_codec`.

    It is immutable, so threads may share it. Tiles are (h, w, C) in the picture's type.
    """

    def __init__(
        self, channels: int, dtype: np.dtype[Any], space: ColorSpace | None, *, gray_space: bool
    ) -> None:
        self._colors = 1 if channels <= 2 else 3
        self._gray_space = gray_space
        self._dtype = dtype
        self._scale = np.float32(full_scale(dtype))
        self._space = space

    @property
    def only_scales(self) -> bool:
        """Whether three native colors are sRGB values, only scaled."""
        return self._colors == 3 and self._space is None

    def decode(self, tile: NDArray[Any]) -> Floats:
        """Convert a native tile to (h, w, 3) float32 sRGB in 0..1; drop alpha, and read NaN as black."""
        native = tile[..., : self._colors]
        native = unit(native) if self._dtype.kind == "f" else np.divide(native, self._scale, dtype=np.float32)
        if self._colors == 1 and not self._gray_space:
            native = np.repeat(native, 3, axis=-1)
        return native if self._space is None else self._space.to_srgb(native)

    def encode(self, tile: NDArray[Any], before: Floats, after: Floats) -> NDArray[Any]:
        """Apply a recoloring to a native tile.

        The difference between both colors is added in the tile's own color space. Pixels that are not
        recolored are therefore bit-identical, including colors outside sRGB. To gray tiles, the luma of the
        difference is added. Integers are rounded to the nearest value; NaN and infinities are kept.

        Args:
            tile: (h, w, C), native pixels.
            before: (h, w, 3), the tile as returned by `decode`.
            after: (h, w, 3), the new colors, sRGB; clipped to 0..1.

        Returns:
            (h, w, C), native pixels with unchanged alpha.
        """
        result, shift = tile.copy(), (self.from_srgb(after) - self.from_srgb(before)) * self._scale
        colors = result[..., : self._colors]
        if self._dtype.kind == "u":
            colors[:] = np.rint(np.clip(colors + shift, 0, self._scale))
            return result
        numbers = np.isfinite(colors)
        native = np.where(numbers, colors, 0)
        # Values outside 0..1 may stay there, but are not moved further out.
        moved = np.clip(native + shift, np.minimum(native, 0), np.maximum(native, 1))
        np.copyto(colors, moved, where=numbers)
        return result

    def from_srgb(self, values: Floats) -> Floats:
        """Convert (h, w, 3) sRGB to (h, w, 1 or 3) native colors in 0..1; gray is their luma."""
        clipped = np.clip(values, 0, 1, dtype=np.float32)
        native = clipped if self._space is None else self._space.from_srgb(clipped)
        return luma(native)[..., None] if self._colors < native.shape[-1] else native


def color_codec(picture: Picture) -> ColorCodec:
    """Build the codec for a picture's channels, depth and color profile.

    Without a profile, or with one of sRGB, values are only scaled. Profiles of curves and a matrix are
    computed in float32, others (with lookup tables) by LittleCMS in 16 bits, both with the relative
    colorimetric intent. A picture with gray pixels may have an RGB profile.

    Raises:
        PictureError: The profile is damaged, or for another kind of pixels. Ignoring it would give wrong
            colors.
    """
    icc, channels = picture.metadata.icc, picture.pixels.shape[2]
    if picture.metadata.hdr is not None:
        signal = ShaperSpace(hdr_shaper(picture.metadata.hdr))
        return ColorCodec(channels, picture.pixels.dtype, signal, gray_space=False)
    if icc is None:
        return ColorCodec(channels, picture.pixels.dtype, None, gray_space=False)
    family = icc[16:20]
    if len(icc) >= 132 and family != b"RGB " and not (family == b"GRAY" and channels <= 2):
        kind = family.decode("ascii", "replace").strip()
        raise PictureError(
            f"The picture's color profile is for {kind} pixels, which it does not have; "
            "remove the profile or convert the picture to sRGB."
        )
    try:
        space, gray = _color_space(icc), family == b"GRAY"
    except ProfileError as error:
        raise PictureError(
            f"The picture's color profile is damaged ({error}); remove it or convert the picture to sRGB."
        ) from error
    probe = np.stack(np.meshgrid(*[np.linspace(0, 1, 9, dtype=np.float32)] * 3), axis=-1).reshape(27, 27, 3)
    native = probe[..., :1] if gray else probe
    same = bool(np.abs(space.to_srgb(native) - native).max() <= _SAME)
    return ColorCodec(channels, picture.pixels.dtype, None if same else space, gray_space=gray and not same)


def _color_space(icc: bytes) -> ColorSpace:
    simple = shaper(icc)
    if simple is not None:
        return ShaperSpace(simple)
    from .lcms import LibrarySpace

    return LibrarySpace(icc)


class ShaperSpace:
    """A color space of curves and a matrix, computed in float32."""

    def __init__(self, native: Shaper) -> None:
        self._native, self._srgb = native, srgb()
        self._to = (self._srgb.inverse @ native.matrix).T.astype(np.float32)
        self._from = (native.inverse @ self._srgb.matrix).T.astype(np.float32)

    def to_srgb(self, native: Floats) -> Floats:
        """Convert native values to sRGB, clipped to its gamut."""
        return self._srgb.unlinear(self._native.linear(native) @ self._to)

    def from_srgb(self, values: Floats) -> Floats:
        """Convert sRGB values to native ones."""
        return self._native.unlinear(self._srgb.linear(values) @ self._from)
