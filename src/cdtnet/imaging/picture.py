"""Pictures in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .depth import CHANNELS, WITH_ALPHA
from .metadata import Metadata
from .xmp import embed, extract


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture in its native depth.

    Attributes:
        pixels: (H, W, C) uint8, uint16 or float32; C is 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha.
            Integers use their full range, floats are in 0 to 1; those of a float TIFF may be outside,
            infinite, or NaN.
        metadata: The other content of the file.

    Raises:
        PictureError: The pixels have another shape or type.
    """

    pixels: NDArray[Any]
    metadata: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if dtype.name not in ("uint8", "uint16", "float32") or len(shape) != 3 or shape[2] not in CHANNELS:
            raise PictureError(
                f"A picture needs (H, W, 1 to 4) pixels, uint8, uint16 or float32, but has {shape} {dtype}."
            )
        if 0 in shape:
            raise PictureError(f"A picture needs at least one pixel, but its shape is {shape}.")

    @property
    def height(self) -> int:
        """The height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """The width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def alpha(self) -> NDArray[Any] | None:
        """The opacity (H, W) in the picture's depth, or None if the picture has no alpha channel."""
        return self.pixels[..., -1] if self.pixels.shape[2] in WITH_ALPHA else None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is None:  # NumPy 1 does not accept None
            return np.asarray(self.pixels, dtype=dtype)
        return np.array(self.pixels, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        kind = f"{CHANNELS[self.pixels.shape[2]]}, {self.pixels.dtype}"
        return f"<Picture {self.width}×{self.height}, {kind}>"

    @property
    def record(self) -> dict[str, Any] | None:
        """The provenance record in the picture's metadata, if any."""
        return extract(self.metadata.xmp)

    def replace_pixels(self, pixels: NDArray[Any], record: Mapping[str, Any] | None = None) -> Picture:
        """Return the same picture with other (H, W, C) pixels and their record, if any."""
        return Picture(pixels, replace(self.metadata, xmp=embed(self.metadata.xmp, record)))

    def save(self, path: str | os.PathLike[str], *, quality: int = 95) -> None:
        """Write the picture in the format of the name's suffix; see `write_picture`."""
        from .write import write_picture

        write_picture(self, path, quality=quality)
