"""The interface of engines: inputs and methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..config import Config, Precision
from ..imaging.geometry import Window
from ..imaging.resizing import LowPicture

FloatArray = NDArray[np.float32]


class Tile(NamedTuple):
    """A part of what was analyzed, to be rendered.

    Attributes:
        composite: (h,w,3), its pixels, sRGB in 0..1.
        mask: (h,w), 0..1.
        size: (H,W) of what was analyzed: the picture, or a frame of it.
        window: where it lies there.
    """

    composite: FloatArray
    mask: FloatArray
    size: tuple[int, int]
    window: Window


class Engine(Protocol):
    """A network on a runtime. Threads may share it.

    Attributes:
        name: by which it is asked for.
        config: of the network.
        parallel: how many windows are best rendered at a time, each in a thread of its own.
        tile: side of the tiles in which a picture is best rendered, in pixels, a power of two.
        step: sides of windows that are rendered fastest are multiples of this and the halo on both sides.
        precisions: that it can compute these weights in.
        fast: that of them which is best for 8-bit pictures on this hardware; never off by more than a level.
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
            analysis: of the whole picture.
            tile: what to render.
            precision: of the refinement's convolutions.

        Returns:
            (h,w,3), sRGB, not clamped.
        """

    def table(self, analysis: Any) -> FloatArray | None:
        """Return the mixed LUT as (33,33,33,3), axes blue, green, red, color; None for a generator alone."""

    def describe(self) -> str:
        """Describe the runtime and the device."""
