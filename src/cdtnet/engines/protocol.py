"""The interface of engines: inputs and methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..config import Config, Precision
from ..imaging.geometry import Window
from ..imaging.resizing import LowPicture

FloatArray = NDArray[np.float32]

NOT_FINITE = "The network computes NaN or infinite colors; its weights cannot be used."


class Tile(NamedTuple):
    """A tile to be rendered.

    Attributes:
        composite: (h,w,3), its pixels, sRGB in 0..1; or native ones, uint8, for `Recolors`.
        mask: (h,w), 0..1; or native, uint8 or uint16, for `Recolors`.
        size: (H,W) of the analyzed area: the picture, or a frame of it.
        window: Its position there.
    """

    composite: NDArray[Any]
    mask: NDArray[Any]
    size: tuple[int, int]
    window: Window


class Engine(Protocol):
    """A network on a runtime. Threads may share it.

    Attributes:
        name: The name in options.
        config: The configuration of the network.
        parallel: The best number of windows to render at a time, in threads.
        tile: The best side of tiles in pixels, a power of two.
        step: Windows render fastest if their sides are multiples of this, plus the halo on both sides.
        precisions: The precisions that it supports for these weights.
        fast: The best of them for 8-bit pictures on this hardware; its error is never more than a level.
    """

    name: str
    config: Config
    parallel: int
    tile: int
    step: int
    precisions: tuple[Precision, ...]
    fast: Precision

    def prepare(self) -> None:
        """Start whatever looking needs, in the background: a picture can be read and reduced meanwhile."""

    def look(self, low: LowPicture) -> Any:
        """Analyze a picture in single precision.

        `mirrored()` of the result mirrors it. `resampled(rows, columns)` moves its local parts: each argument
        is (S,S), the weights of the old lines in the new ones. `recolored(other)` has the table of another.
        """

    def mix(self, analyses: Sequence[Any], weights: Sequence[float]) -> Any:
        """Mix analyses of the same picture, or analyses `resampled` to fit it; weights sum to 1."""

    def release_memory(self) -> None:
        """Release memory that analyses used and that is not needed at once."""

    def preview(self, analysis: Any, low: LowPicture) -> FloatArray:
        """Return the picture at base size that an analysis gives, (S,S,3), sRGB, not clamped."""

    def render(self, analysis: Any, tile: Tile, precision: Precision = "float32") -> FloatArray:
        """Render a tile of the picture, whole frame as published.

        Args:
            analysis: The analysis of the whole picture.
            tile: The tile to render.
            precision: The precision of the refinement's convolutions.

        Returns:
            (h,w,3), sRGB, not clamped.
        """

    def table(self, analysis: Any) -> FloatArray | None:
        """Return the mixed LUT as (33,33,33,3), axes blue, green, red, color; None for a generator alone."""

    def describe(self) -> str:
        """Describe the runtime and the device."""


@runtime_checkable
class Recolors(Protocol):
    """An engine that can also blend 8-bit tiles, so that a GPU receives and returns bytes, not floats."""

    def recolor(
        self, analysis: Any, tile: Tile, inner: Window, amount: float, precision: Precision
    ) -> NDArray[np.uint8]:
        """Render a tile of an 8-bit sRGB picture and blend it with the picture, as `Painter` does.

        Args:
            analysis: The analysis of the whole picture.
            tile: The tile to render, in native values.
            inner: The part of the tile to return.
            amount: The share of the change to apply, 0..1.
            precision: The precision of the refinement's convolutions.

        Returns:
            (h,w,3), the native pixels of the inner part.

        Raises:
            WeightsError: The network computes NaN or infinite colors.
        """
