"""The analysis policy of a picture, once for each object: crop, flip and confidence.

Engines only look and render; everything that is policy is here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..config import STRIDE
from ..engines.confidence import FLOOR, Confidence, confidence
from ..engines.protocol import Engine
from ..imaging import ColorCodec, Picture
from ..imaging.color import luma
from ..imaging.geometry import Window
from ..imaging.masks import coverage
from ..imaging.resizing import FloatArray, LowPicture, placed, shrink, sparse
from ..imaging.snapping import Edge, margin, refine
from .crop import close_up
from .objects import Part
from .remarks import Remark
from .steering import REC_601, Levels

LITTLE = 0.3  # share of the change below which a remark says that little is changed
GAIN = 1.8  # a refined mask is believed if its edge has this many times the contrast of the given one's
STEEP = 8  # steepness of the transition from one mask to the other
NEAR = 768  # longer side in pixels, at most, of the closer look at an object whose mask is refined
DOUBT = 6 / 255  # further error of a change that was judged by a refined mask
FEW = 0.02  # weight of a mask below which it is not looked at
TINY = 12  # pixels of an object's longer side at base size, below which there is hardly anything to see

_REFINED = Remark(
    "The colors were judged by a mask refined to the object's edge, because the given one seems to be off. "
    "To paint with the refined mask, snap the mask.",
    "snap_mask",
)


class AnalyzedObject(Protocol):
    """An analyzed object, ready to be rendered; `ObjectAnalysis` is that of a single picture."""

    @property
    def mask(self) -> Any:
        """The object's mask, (H,W)."""

    @property
    def frame(self) -> Window:
        """The analyzed part of the picture."""

    @property
    def found(self) -> Any:
        """The engine's analysis."""

    @property
    def amount(self) -> float:
        """The share of the change to apply, 0..1."""

    @property
    def remark(self) -> str | None:
        """Why little is changed; None if more is."""

    @property
    def area(self) -> float:
        """The area in pixels."""

    def levels(self, engine: Engine) -> Levels:
        """Return the mean luma before and after."""


class ObjectAnalysis(NamedTuple):
    """An object of a single picture, analyzed.

    Attributes:
        mask: The object's mask, (H,W), an array or an object indexed like one.
        frame: The analyzed part of the picture.
        found: The engine's analysis.
        amount: The share of the change to apply, 0..1.
        remark: Why little is changed and what helps, in a sentence; None if more is.
        low: The analyzed low-resolution picture, with the mask as given.
    """

    mask: Any
    frame: Window
    found: Any
    amount: float
    remark: str | None
    low: LowPicture

    @property
    def area(self) -> float:
        """The area in pixels."""
        height, width = self.frame.size
        return float(self.low.mask.mean(dtype=np.float64) + 1e-6) * height * width

    def levels(self, engine: Engine) -> Levels:
        """Return the mean luma before and after."""
        before, weights = self.low.image, self.low.mask + 1e-6  # of a speck, nothing may be left there
        change = engine.preview(self.found, self.low) - before
        composite, more = (float(np.average(luma(rgb, REC_601), weights=weights)) for rgb in (before, change))
        return Levels(composite, composite + self.amount * more)


def analyze(
    engine: Engine,
    picture: Picture,
    part: Part,
    codec: ColorCodec,
    *,
    apply_anyway: bool = False,
    is_exact: bool = False,
) -> ObjectAnalysis:
    """Analyze one object of a picture.

    Args:
        engine: The engine that analyzes.
        picture: The composite.
        part: The object.
        codec: Converts from and to the picture's colors.
        apply_anyway: Whether to apply the whole change, whatever the confidence.
        is_exact: Whether the mask is exact, because the object was pasted by it. It is not refined then.
    """
    config = engine.config
    frame = Window(0, 0, picture.height, picture.width)
    if config.close_up:
        frame = close_up([part.extent], config.base_size, *frame.size)
    sizes = config.base_size, config.base_size // STRIDE
    low = shrink(picture, part.seen, frame, codec, *sizes, antialias=config.antialias)
    if not config.second_look:
        return ObjectAnalysis(part.mask, frame, engine.look(low), 1.0, None, low)
    views = [(low, 1.0)] if is_exact else _views(low, lambda: _refined(picture, part, codec, frame, low))
    looks = [_look(engine, view, weight, 0.0 if view is low else DOUBT) for view, weight in views]
    if apply_anyway:
        looks = [look._replace(sure=look.sure._replace(share=1.0)) for look in looks]
    found, sure = _mean(engine, looks)
    remark = None if apply_anyway else _remark(sure, part, frame, config.base_size)
    is_refined = max(views, key=lambda view: view[1])[0] is not low
    if is_refined and not (apply_anyway or remark):
        remark = _REFINED
    return ObjectAnalysis(part.mask, frame, found, float(sure.share), remark, low)


def _views(low: LowPicture, refine: Callable[[], FloatArray | None]) -> list[tuple[LowPicture, float]]:
    """Choose the given mask, one refined to the edge, or both, and return the pictures with their weights.

    The network compares colors on both sides of the edge, so a mask that is off the edge hides the
    difference. A refined mask always lies on an edge. It is used if that edge has clearly more contrast than
    the given mask's. The transition is smooth, so that small changes of the picture cause small changes of
    the result.
    """
    edge = Edge(low.image, low.mask)
    if edge.is_sharp or (mask := refine()) is None:
        return [(low, 1.0)]
    refined = 1 / (1 + (GAIN / max(edge.gain(mask), 1e-6)) ** STEEP)
    views = [(low, 1 - refined), (low.masked(mask), refined)]
    return [view for view in views if view[1] > FEW]


def _refined(
    picture: Picture, part: Part, codec: ColorCodec, frame: Window, low: LowPicture
) -> FloatArray | None:
    """Refine the mask (S,S) of a frame by a closer look at the object; None without an edge."""
    close = part.extent.grow(margin(part.extent), picture.height, picture.width)
    near, rough = codec.decode(sparse(picture.pixels, close, NEAR)), coverage(sparse(part.seen, close, NEAR))
    snapped = refine(near, rough)
    if snapped is None:
        return None
    moved = placed(snapped - rough, close.within(frame), frame.size, len(low.mask))
    return np.asarray(np.clip(low.mask + moved, 0, 1))


class _Look(NamedTuple):
    """The analysis of a picture with one mask.

    Attributes:
        found: The mean of the engine's analyses of the picture and of the mirrored picture.
        sure: The confidence in it.
        weight: Its weight among the analyses of the same picture.
    """

    found: Any
    sure: Confidence
    weight: float


def _look(engine: Engine, low: LowPicture, weight: float, doubt: float) -> _Look:
    first, second = engine.look(low), engine.look(low.mirrored()).mirrored()
    previews = engine.preview(first, low), engine.preview(second, low)
    sure = confidence(*previews, low.image, low.mask[..., None], doubt)
    return _Look(engine.mix((first, second), (0.5, 0.5)), sure, weight)


def _mean(engine: Engine, looks: list[_Look]) -> tuple[Any, Confidence]:
    """Average analyses by their weights and confidences; return the mean and its confidence."""
    if len(looks) == 1:
        return looks[0].found, looks[0].sure
    total = sum(look.weight for look in looks)
    parts = [look.weight / total * look.sure.share for look in looks]
    share = sum(parts)
    size = sum(look.weight / total * look.sure.size for look in looks)
    found = engine.mix([look.found for look in looks], [part / max(share, 1e-6) for part in parts])
    return found, Confidence(share, size)


def _remark(sure: Confidence, part: Part, frame: Window, base_size: int) -> str | None:
    if sure.share >= LITTLE:
        return None
    anyway = "To make the whole change, apply it anyway."
    if sure.size < FLOOR:
        fits = "Little is changed, because the foreground already fits its surroundings."
        return Remark(f"{fits} {anyway}", "apply_anyway")
    if max(part.extent.size) / max(frame.size) * base_size < TINY:
        small = "Little is changed, because the foreground is too small to judge."
        return Remark(f"{small} {anyway}", "apply_anyway")
    return Remark(
        "Little is changed, because two looks at the picture disagree about the colors. "
        f"A mask that follows the object's edge more closely helps. {anyway}",
        "snap_mask",
        "apply_anyway",
    )
