"""The one way through: read → analyse → render → write, for one picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from .config import PRECISIONS, Precision
from .engines import open_engine
from .errors import CdtnetError
from .imaging import Lut, Picture, describe, like, to_mask, to_picture
from .painting import Painter
from .regions import tiles, touched
from .result import Result

if TYPE_CHECKING:
    from .model import CDTNet

TILE = 256  # side of the tiles that are rendered at a time, in pixels

Progress = Callable[[int, int], None]


class Harmonizer:
    """A model, ready for many pictures.

    Args:
        model: a shipped name ("cdtnet-256", "cdtnet-sim", "is2am"), a path to weights, or a `CDTNet`, which
            is put into eval mode and moved to the device.
        device: "auto" for a GPU if there is one, else "cpu"; or "cuda", "mps" or another of PyTorch's.
        engine: "auto" for OpenVINO on a CPU and PyTorch on a GPU; or "openvino" or "pytorch".
        precision: of the refinement's convolutions. "auto" is bfloat16 for 8-bit pictures where the hardware
            gains by it (no pixel moves by more than one level), and float32 else; or "float32" or "bfloat16".

    Raises:
        WeightsError: if there are no such weights, or they do not fit.
        CdtnetError: if the engine or the device cannot be used here.
    """

    def __init__(
        self,
        model: str | PathLike[str] | CDTNet = "cdtnet-256",
        device: str = "auto",
        *,
        engine: str = "auto",
        precision: str = "auto",
    ):
        if precision not in ("auto", *PRECISIONS):
            raise CdtnetError(
                f"There is no precision {precision!r}; there are auto, {', '.join(PRECISIONS)}."
            )
        self.engine = open_engine(model, device, engine)
        self.precision = precision

    def __call__(
        self,
        composite: Any,
        mask: Any,
        *,
        strength: float = 1.0,
        resize_mask: bool = False,
        whole_frame: bool = False,
        progress: Progress | None = None,
    ) -> Result:
        """Recolour the foreground of a composite so that it belongs.

        Pixels where the mask is 0 come back bit-identical. Memory beyond the pictures themselves is bounded,
        whatever their size.

        Args:
            composite: a path, a PIL image, or an array (H,W), (H,W,1), (H,W,3) or (H,W,4), RGB, uint8, uint16
                or float in 0..1.
            mask: a path, a PIL image or an array (H,W) as large as the composite; white is foreground, grey
                is soft coverage.
            strength: 0 leaves the composite as it is, 1 harmonizes fully; linear between.
            resize_mask: accept a mask of another size and bring it to the composite's.
            whole_frame: return the network's whole frame as published, not blended with the mask; then the
                background changes too.
            progress: called with tiles done and tiles in all.

        Raises:
            PictureError: if the composite or the mask cannot be used.

        Warns:
            UserWarning: if the mask leaves nothing to do, or nothing to go by.
        """
        if not 0.0 <= strength <= 1.0:
            raise CdtnetError(f"The strength must be between 0 and 1, not {strength}.")
        picture = to_picture(composite)
        given = picture if isinstance(composite, str | PathLike) else composite
        height, width = picture.height, picture.width
        soft = to_mask(mask, height, width, resize=resize_mask)
        windows = list(tiles(height, width, TILE) if whole_frame else touched(soft, TILE))
        if remark := describe(soft):
            warnings.warn(remark, stacklevel=2)
        if not windows:
            return Result(like(picture.replace_pixels(picture.pixels.copy()), composite), None, given)
        painter = Painter(
            self.engine,
            self._precision(picture),
            picture,
            soft,
            strength=strength,
            whole_frame=whole_frame,
        )
        pixels = picture.pixels.copy()
        for done, (window, painted) in enumerate(painter.paint(windows), start=1):
            pixels[window.slices] = painted
            if progress:
                progress(done, len(windows))
        return Result(like(picture.replace_pixels(pixels), composite), painter.lut, given)

    def lut(self, composite: Any, mask: Any, *, resize_mask: bool = False) -> Lut | None:
        """The table that is mixed for a picture, as a `Result` has it, without rendering anything."""
        picture = to_picture(composite)
        soft = to_mask(mask, picture.height, picture.width, resize=resize_mask)
        if not soft.any():
            return None
        return Painter(self.engine, self._precision(picture), picture, soft, strength=1.0).lut

    def _precision(self, picture: Picture) -> Precision:
        """What the picture's depth allows, unless one was asked for."""
        for precision in PRECISIONS:
            if self.precision == precision:
                return precision
        return self.engine.fast if picture.pixels.dtype == np.uint8 else "float32"


def harmonize(
    composite: Any, mask: Any, *, model: str | PathLike[str] = "cdtnet-256", strength: float = 1.0
) -> Any:
    """Harmonize one picture; see `Harmonizer` for many.

    Args:
        composite: a path, a PIL image, or an array (H,W,3) or (H,W,4), RGB, uint8, uint16 or float in 0..1.
        mask: the same kinds, (H,W), as large as the composite; white is foreground.
        model: a shipped name or a path to weights.
        strength: 0 leaves the composite as it is, 1 harmonizes fully.

    Returns:
        The harmonized picture: the same kind, size and depth as the composite. For a path, a `Picture`, which
        keeps colour profile and metadata: `.save(path)` writes it, `numpy.asarray` gives its pixels.
    """
    return Harmonizer(model)(composite, mask, strength=strength).image
