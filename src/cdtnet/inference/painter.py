"""A picture analysed once, then rendered wherever it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import HALO, STRIDE, Precision
from ..engines import Engine, Tile
from ..errors import WeightsError
from ..imaging import Lut, Picture, color_codec, coverage
from ..imaging.geometry import Window
from ..imaging.resizing import shrink
from ..system.parallel import unordered
from .crop import close_up

UNSURE = "Nothing is changed, for the network is not sure of what it would change."

TILE = 256  # side of the tiles that are rendered at a time, in pixels


class Painter:
    """Harmonizes windows of one picture.

    Args:
        engine: computes.
        precision: of the refinement's convolutions.
        picture: the composite, which is read once from top to bottom to be analysed, then where it is
            rendered.
        mask: (H,W), its foreground.
        windows: all those that will be painted.
        strength: 0 leaves the composite as it is, 1 harmonizes fully.
        whole_frame: render the network's whole frame as published, not blended with the mask.

    Raises:
        PictureError: if the picture's colour profile cannot be used.
        WeightsError: from `paint`, if what the weights compute are no numbers.
    """

    def __init__(
        self,
        engine: Engine,
        precision: Precision,
        picture: Picture,
        mask: NDArray[Any],
        windows: Iterable[Window],
        *,
        strength: float,
        whole_frame: bool = False,
    ):
        self._engine, self._precision, self._picture, self._mask = engine, precision, picture, mask
        self._whole_frame = whole_frame
        self._codec, config = color_codec(picture), engine.config
        sizes = config.base_size, config.base_size // STRIDE
        self._frame = Window(0, 0, picture.height, picture.width)
        if config.close_up:
            self._frame = close_up(windows, config.base_size, *self._frame.size)
        low = shrink(picture, mask, self._frame, self._codec, *sizes, antialias=config.antialias)
        self._analysis, self._trust = engine.analyse(low)
        self._strength = strength * self._trust

    @property
    def lut(self) -> Lut | None:
        """The table mixed for this picture, held back as the picture is, if the model has colour mapping."""
        table = self._engine.table(self._analysis)
        return None if table is None else Lut(table).weakened(self._trust)

    @property
    def remark(self) -> str | None:
        """Why nothing is changed, in a sentence; None where something is."""
        return None if self._trust else UNSURE

    def paint(self, windows: Iterable[Window]) -> Iterator[tuple[Window, NDArray[Any]]]:
        """Each window with its native pixels harmonized, (h,w,C); in threads, in the order of completion."""
        threads = self._engine.parallel
        with ThreadPoolExecutor(threads) as pool:
            yield from unordered(pool, lambda window: (window, self._render(window)), windows, 2 * threads)

    def _render(self, window: Window) -> NDArray[Any]:
        picture, engine, codec = self._picture, self._engine, self._codec
        native, window = picture.pixels[window.slices], window.within(self._frame)
        block = window.block(HALO, engine.step, *self._frame.size)
        inner, read = window.within(block).slices, block.from_within(self._frame).slices
        before, soft = codec.decode(picture.pixels[read]), coverage(self._mask[read])
        tile = Tile(before, soft, self._frame.size, block)
        after = engine.render(self._analysis, tile, self._precision)[inner]
        if not np.isfinite(after).all():
            raise WeightsError("The network computes NaN or infinite colours; its weights cannot be used.")
        before, soft = before[inner], soft[inner][..., None]
        # The colour mapping's picture, which is all of CDTNet-sim's, is blended with the mask as published.
        blended = self._whole_frame or engine.config.variant == "cdtnet-sim"
        amount = self._strength if blended else self._strength * soft
        recolored = codec.encode(native, before, before + amount * (after - before))
        return recolored if self._whole_frame else np.where(soft > 0, recolored, native)
