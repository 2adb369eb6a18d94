"""An analyzed picture, which can be rendered repeatedly with different controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..imaging import Lut, Picture, like
from ..imaging.convert import like_layer
from ..imaging.geometry import Window
from ..imaging.layers import blank_layer
from .controls import Controls
from .options import Options
from .painter import Painter
from .provenance import Record
from .result import Result
from .steering import Levels

Progress = Callable[[int, int], None]


class PictureAnalysis:
    """The result of `Harmonizer.analyze`; threads may share it.

    Attributes:
        options: The options of the analysis.
        remark: What is unusual about the mask, or why little is changed, in a sentence; usually None.
    """

    def __init__(
        self,
        picture: Picture,
        composite: Any,
        painter: Painter | None,
        windows: Sequence[Window],
        options: Options,
        remark: str | None,
        note: Callable[[bool | Mapping[str, Any], Options], Record | None],
    ):
        self.options, self.remark = options, remark
        self._picture, self._composite, self._note = picture, composite, note
        self._painter, self._windows = painter, windows

    @property
    def lut(self) -> Lut | None:
        """The network's lookup table, at full strength; None if it has none."""
        return self._painter.lut if self._painter else None

    @property
    def levels(self) -> Levels | None:
        """The foreground's mean luma, around which contrast is changed; None without a foreground."""
        return self._painter.levels if self._painter else None

    def table(self, controls: Controls | None = None) -> Lut | None:
        """Return the table with the effect of controls, by default those of the options."""
        if self._painter is None or self._painter.lut is None:
            return None
        return self._painter.steered(self._painter.lut, controls or self.options.controls)

    def render(
        self,
        controls: Controls | None = None,
        *,
        record: bool | Mapping[str, Any] = False,
        progress: Progress | None = None,
    ) -> Result:
        """Render the picture without a new analysis.

        Args:
            controls: The controls of the foreground; by default those of the options.
            record: As for `Harmonizer`.
            progress: Called with the number of finished tiles and the number of all tiles.
        """
        options = self.options if controls is None else self.options.but(controls=controls)
        noted = self._note(record, options)
        pixels = self._picture.pixels.copy()
        if self._painter:
            painted = self._painter.paint(self._windows, options.controls)
            for done, (window, part) in enumerate(painted, start=1):
                pixels[window.slices] = part
                if progress:
                    progress(done, len(self._windows))
        image = like(self._picture.replace_pixels(pixels, noted), self._composite)
        paint = partial(self.layer, options.controls)
        return Result(image, self.lut, self._composite, noted, self.remark, paint)

    def layer(self, controls: Controls | None = None) -> Any:
        """Render the harmonized foreground alone; see `Result.layer`.

        Args:
            controls: The controls of the foreground; by default those of the options.
        """
        layer = blank_layer(self._picture)
        if self._painter:
            controls = controls or self.options.controls
            for window, part in self._painter.paint(self._windows, controls, alone=True):
                layer.pixels[window.slices] = part
        return like_layer(layer, self._composite)
