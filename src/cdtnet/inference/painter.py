"""A picture analysed once, then rendered wherever it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import HALO, NEGLIGIBLE, Precision
from ..engines.protocol import Engine, Tile
from ..errors import WeightsError
from ..imaging import Lut, Picture, color_codec, coverage
from ..imaging.composition import Layer
from ..imaging.geometry import Window
from ..system.parallel import unordered
from .analysis import Analyzed, analyze
from .objects import Foreground

TILE = 256  # side of the tiles that are rendered at a time, in pixels
LARGE = 1 << 22  # pixels from which on the memory that analyzing took is worth giving back before rendering


class Painter:
    """Harmonizes windows of one picture.

    Args:
        engine: computes.
        precision: of the refinement's convolutions.
        picture: the composite, which is read once from top to bottom to be analysed, then where it is
            rendered.
        foreground: its objects, one or more.
        strength: 0 leaves the composite as it is, 1 harmonizes fully.
        whole_frame: render the network's whole frame as published, not blended with the mask.
        apply_anyway: make the whole change, however sure the analysis is.
        layer: the foreground by itself, if it is known; what is rendered then are its own colors, so that
            soft edges change as solid parts do.

    Raises:
        PictureError: if the picture's colour profile cannot be used.
        WeightsError: from `paint`, if what the weights compute are no numbers.
    """

    def __init__(
        self,
        engine: Engine,
        precision: Precision,
        picture: Picture,
        foreground: Foreground,
        *,
        strength: float,
        whole_frame: bool = False,
        apply_anyway: bool = False,
        layer: Layer | None = None,
    ):
        self._engine, self._precision, self._picture = engine, precision, picture
        self._strength, self._whole_frame, self._layer = strength, whole_frame, layer
        self._apart = engine.config.close_up and not whole_frame
        self._codec = color_codec(picture)
        self._objects = [
            analyze(engine, picture, part, self._codec, apply_anyway=apply_anyway)
            for part in foreground.parts
        ]
        if picture.height * picture.width > LARGE:
            engine.let_go()

    @property
    def lut(self) -> Lut | None:
        """The table mixed for the largest object, held back as its change is; None without color mapping."""
        first = self._objects[0]
        table = self._engine.table(first.found)
        return None if table is None else Lut(table).weakened(first.amount)

    @property
    def remark(self) -> str | None:
        """Why little is changed, in a sentence; None where something is."""
        remarks = [each.remark for each in self._objects]
        return remarks[0] if all(remarks) else None

    def paint(self, windows: Iterable[Window]) -> Iterator[tuple[Window, NDArray[Any]]]:
        """Each window with its native pixels harmonized, (h,w,C); in threads, in the order of completion."""
        threads = self._engine.parallel
        with ThreadPoolExecutor(threads) as pool:
            yield from unordered(pool, lambda window: (window, self._render(window)), windows, 2 * threads)

    def _render(self, window: Window) -> NDArray[Any]:
        picture, codec = self._picture, self._codec
        native = picture.pixels[window.slices]
        block = window.block(HALO, self._engine.step, picture.height, picture.width)
        inner = window.within(block).slices
        before = codec.decode(self._solid(block))
        change, covered = np.zeros_like(before[inner]), np.zeros(native.shape[:2], np.float32)
        for each in self._objects:
            soft = coverage(each.mask[block.slices])
            if self._apart:  # as in the analysis, whatever window it lies in
                soft = np.where(soft > NEGLIGIBLE, soft, np.float32(0))
            if self._whole_frame or soft[inner].any():
                change += self._change(each, before, soft, block)[inner]
                covered += soft[inner]
        change /= np.maximum(covered, 1)[..., None]  # masks that were given apart may overlap
        start = before[inner] if self._layer is None else codec.decode(native)
        recolored = codec.encode(native, start, start + change)
        return recolored if self._whole_frame else np.where(covered[..., None] > 0, recolored, native)

    def _solid(self, block: Window) -> NDArray[Any]:
        """The native pixels (h,w,C) of a block, of the layer where it is known."""
        pixels = self._picture.pixels[block.slices]
        if self._layer is None or (shared := block.intersection(self._layer.window)) is None:
            return pixels
        pixels = pixels.copy()
        pixels[shared.within(block).slices] = self._layer.pixels[shared.within(self._layer.window).slices]
        return pixels

    def _change(
        self, each: Analyzed, before: NDArray[Any], soft: NDArray[Any], block: Window
    ) -> NDArray[Any]:
        """What one object adds to the colors (h,w,3) of a block of the picture."""
        tile = Tile(before, soft, each.frame.size, block.within(each.frame))
        after = self._engine.render(each.found, tile, self._precision)
        if not np.isfinite(after).all():
            raise WeightsError("The network computes NaN or infinite colours; its weights cannot be used.")
        # The color mapping's picture, which is all of CDTNet-sim's, is blended with the mask as published.
        blended = self._whole_frame or self._engine.config.variant == "cdtnet-sim"
        amount = self._strength * each.amount
        return (amount if blended else amount * soft[..., None]) * (after - before)
