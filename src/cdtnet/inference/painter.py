"""A picture that is analyzed once, and then rendered window by window, with any controls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import HALO, Precision
from ..engines.protocol import NOT_FINITE, Engine, Recolors, Tile
from ..errors import WeightsError
from ..imaging import Lut, Picture, color_codec, coverage
from ..imaging.composition import Layer
from ..imaging.depth import WITH_ALPHA, full_scale
from ..imaging.geometry import Window
from ..imaging.masks import antialiased
from ..system.parallel import unordered
from .analysis import AnalyzedObject, analyze
from .controls import Controls
from .objects import Foreground
from .steering import Levels, steer

LARGE = 1 << 22  # pixels from which the memory of the analysis is released before rendering


class Painter:
    """Harmonizes windows of one picture.

    Args:
        engine: The engine.
        precision: The precision of the refinement's convolutions.
        picture: The composite; read once from top to bottom for the analysis, then where it is rendered.
        foreground: Its objects, one or more.
        whole_frame: Whether to render the network's whole frame as published, not blended by the mask.
        apply_anyway: Whether to apply the whole change even where the analysis is uncertain.
        layer: The foreground alone, if it is known; its own colors are then rendered, so that soft edges
            change like opaque parts.
        objects: The analyzed objects of the foreground; by default they are analyzed here.
        keep: Whether to keep the rendered change, 12 bytes per pixel, so that rendering with other controls
            does not run the network again.

    Raises:
        PictureError: The picture's color profile cannot be used.
        WeightsError: The network computes NaN; raised by `paint`.
    """

    def __init__(
        self,
        engine: Engine,
        precision: Precision,
        picture: Picture,
        foreground: Foreground,
        *,
        whole_frame: bool = False,
        apply_anyway: bool = False,
        layer: Layer | None = None,
        objects: Sequence[AnalyzedObject] | None = None,
        keep: bool = False,
    ):
        self._engine, self._precision, self._picture = engine, precision, picture
        self._whole_frame, self._layer = whole_frame, layer
        # The picture of the color mapping, the output of CDTNet-sim, is blended by the mask as published.
        self._blended = engine.config.variant == "cdtnet-sim" and not whole_frame
        self._smooth = engine.config.close_up and layer is None and not (whole_frame or self._blended)
        self._kept: dict[tuple[int, Window], NDArray[Any]] | None = {} if keep else None
        self._codec = color_codec(picture)
        is_bytes = picture.pixels.dtype == np.uint8 and picture.pixels.shape[2] == 3
        in_bytes = is_bytes and self._smooth and self._codec.only_scales and not keep
        self._recolorer = engine if in_bytes and isinstance(engine, Recolors) else None
        self._objects: Sequence[AnalyzedObject] = objects or [
            analyze(
                engine,
                picture,
                part,
                self._codec,
                apply_anyway=apply_anyway,
                is_exact=layer is not None,
            )
            for part in foreground.parts
        ]
        if objects is None and picture.height * picture.width > LARGE:
            engine.release_memory()

    @cached_property
    def lut(self) -> Lut | None:
        """The table of the largest object, scaled by its confidence; None without a color mapping."""
        first = self._objects[0]
        table = self._engine.table(first.found)
        return None if table is None else Lut(table).weakened(first.amount)

    def steered(self, lut: Lut, controls: Controls) -> Lut:
        """Return a table with the effect of the controls."""
        grid = lut.grid()
        return lut if controls.plain == 1 else Lut(steer(controls, grid, lut.table - grid, self.levels))

    @cached_property
    def levels(self) -> Levels:
        """The mean luma of all objects, weighted by their area."""
        found = [each.levels(self._engine) for each in self._objects]
        weights = [each.area for each in self._objects]
        return Levels(*np.average(found, axis=0, weights=weights).tolist())

    @property
    def remark(self) -> str | None:
        """Why little is changed, in a sentence; None if more is changed."""
        remarks = [each.remark for each in self._objects]
        return remarks[0] if all(remarks) else None

    def paint(
        self, windows: Iterable[Window], controls: Controls, *, alone: bool = False
    ) -> Iterator[tuple[Window, NDArray[Any]]]:
        """Yield windows with their harmonized native pixels, from threads, in the order of completion.

        Args:
            windows: The windows to render.
            controls: The controls of the foreground.
            alone: Whether to return the foreground alone, with its coverage as alpha, instead of the
                picture's pixels (h,w,C).
        """
        threads = self._engine.parallel

        def render(window: Window) -> tuple[Window, NDArray[Any]]:
            return window, self._render(window, controls, alone=alone)

        with ThreadPoolExecutor(threads) as pool:
            yield from unordered(pool, render, windows, 2 * threads)

    def _render(self, window: Window, controls: Controls, *, alone: bool) -> NDArray[Any]:
        picture, codec = self._picture, self._codec
        block = window.block(HALO, self._engine.step, picture.height, picture.width)
        if not alone and (pixels := self._recolored(window, block, controls)) is not None:
            return pixels
        native = picture.pixels[window.slices]
        inner = window.within(block).slices
        before = codec.decode(self._solid(block))
        change, covered = np.zeros_like(before[inner]), np.zeros(native.shape[:2], np.float32)
        for number, each in enumerate(self._objects):
            soft = coverage(each.mask[block.slices])
            if self._whole_frame or soft[inner].any():
                after = self._after(number, Tile(before, soft, block.size, block), inner)
                blend = antialiased(soft) if self._smooth else soft
                change += self._change(each, before[inner], after, blend[inner], controls)
                covered += soft[inner]
        change /= np.maximum(covered, 1)[..., None]  # separate masks may overlap
        if alone:
            return self._alone(native, self._solid(window), before[inner], change, covered)
        start = before[inner] if self._layer is None else codec.decode(native)
        recolored = codec.encode(native, start, start + change)
        return recolored if self._whole_frame else np.where(covered[..., None] > 0, recolored, native)

    def _recolored(self, window: Window, block: Window, controls: Controls) -> NDArray[Any] | None:
        """Return the native pixels of a window, if the engine can blend them; None if not."""
        if self._recolorer is None or controls.plain is None:
            return None
        touching = [each for each in self._objects if each.mask[window.slices].any()]
        if len(touching) != 1:
            return None
        each = touching[0]
        place = block.within(each.frame)
        tile = Tile(self._picture.pixels[block.slices], each.mask[block.slices], each.frame.size, place)
        amount = controls.plain * each.amount
        return self._recolorer.recolor(each.found, tile, window.within(block), amount, self._precision)

    def _alone(
        self,
        native: NDArray[Any],
        solid: NDArray[Any],
        before: NDArray[Any],
        change: NDArray[Any],
        covered: NDArray[Any],
    ) -> NDArray[Any]:
        """Return the foreground's native pixels with its coverage as alpha; 0 where it covers nothing."""
        soft = np.minimum(covered, 1)
        whole = np.divide(change, soft[..., None], where=soft[..., None] > 0, out=np.zeros_like(change))
        colors, alpha = self._codec.encode(solid, before, before + whole), soft * full_scale(native.dtype)
        if native.shape[2] in WITH_ALPHA:
            colors, alpha = colors[..., :-1], soft * native[..., -1]
        if native.dtype.kind == "u":
            alpha = np.rint(alpha)
        pixels = np.concatenate([colors, alpha[..., None].astype(native.dtype)], axis=-1)
        return np.where(pixels[..., -1:] > 0, pixels, 0).astype(native.dtype)

    def _solid(self, block: Window) -> NDArray[Any]:
        """Return the native pixels (h,w,C) of a block, from the layer if it is known."""
        pixels = self._picture.pixels[block.slices]
        if self._layer is None or (shared := block.intersection(self._layer.window)) is None:
            return pixels
        pixels = pixels.copy()
        pixels[shared.within(block).slices] = self._layer.pixels[shared.within(self._layer.window).slices]
        return pixels

    def _after(self, number: int, tile: Tile, inner: tuple[slice, slice]) -> NDArray[Any]:
        """Return the network's colors (h,w,3) for an object in the inner part of a tile."""
        key = number, tile.window
        if self._kept is not None and key in self._kept:
            return self._kept[key]
        each = self._objects[number]
        tile = tile._replace(size=each.frame.size, window=tile.window.within(each.frame))
        after = self._engine.render(each.found, tile, self._precision)[inner]
        if not np.isfinite(after).all():
            raise WeightsError(NOT_FINITE)
        if self._kept is not None:
            self._kept[key] = np.ascontiguousarray(after)
        return after

    def _change(
        self,
        each: AnalyzedObject,
        before: NDArray[Any],
        after: NDArray[Any],
        soft: NDArray[Any],
        controls: Controls,
    ) -> NDArray[Any]:
        """Compute the change of colors (h,w,3) by one object, whose coverage is `soft` (h,w)."""
        change, share = after - before, np.float32(1) if self._whole_frame else soft[..., None]
        if (plain := controls.plain) is not None:
            amount = plain * each.amount
            return (amount if self._blended else amount * share) * change
        if self._blended:
            change = np.divide(change, share, where=share > 0, out=np.zeros_like(change))
        steered = steer(controls, before, np.float32(each.amount) * change, self.levels)
        return share * (steered - before)
