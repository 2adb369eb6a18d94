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


class Decided(Protocol):
    """What is known of an object when it is painted; `Analyzed` has it of a single picture."""

    @property
    def mask(self) -> Any:
        """(H,W), its own."""

    @property
    def frame(self) -> Window:
        """The part of the picture that was analyzed."""

    @property
    def found(self) -> Any:
        """The engine's analysis."""

    @property
    def amount(self) -> float:
        """How much of the change is made, 0..1."""

    @property
    def remark(self) -> str | None:
        """Why little is changed; None where more is."""

    @property
    def area(self) -> float:
        """What it covers, in pixels."""

    def levels(self, engine: Engine) -> Levels:
        """Its mean luma."""


class Analyzed(NamedTuple):
    """An object, analyzed.

    Attributes:
        mask: (H,W), its own, or what is indexed like it.
        frame: the part of the picture that was analyzed.
        found: the engine's analysis.
        amount: how much of the change is made, 0..1.
        remark: why little is changed and what helps, in a sentence; None where more is.
        low: what was looked at.
    """

    mask: Any
    frame: Window
    found: Any
    amount: float
    remark: str | None
    low: LowPicture

    @property
    def area(self) -> float:
        """What it covers, in pixels."""
        height, width = self.frame.size
        return float(self.low.mask.mean(dtype=np.float64) + 1e-6) * height * width

    def levels(self, engine: Engine) -> Levels:
        """Its mean luma."""
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
) -> Analyzed:
    """Analyze one object of a picture.

    Args:
        engine: that looks.
        picture: the composite.
        part: the object.
        codec: to and from the picture's colors.
        apply_anyway: make the whole change, however sure it is.
        is_exact: the mask is known to be exact, because the object was pasted by it: do not refine it.
    """
    config = engine.config
    frame = Window(0, 0, picture.height, picture.width)
    if config.close_up:
        frame = close_up([part.extent], config.base_size, *frame.size)
    sizes = config.base_size, config.base_size // STRIDE
    low = shrink(picture, part.seen, frame, codec, *sizes, antialias=config.antialias)
    if not config.second_look:
        return Analyzed(part.mask, frame, engine.look(low), 1.0, None, low)
    views = [(low, 1.0)] if is_exact else _views(low, lambda: _refined(picture, part, codec, frame, low))
    looks = [_look(engine, view, weight, 0.0 if view is low else DOUBT) for view, weight in views]
    if apply_anyway:
        looks = [look._replace(sure=look.sure._replace(share=1.0)) for look in looks]
    found, sure = _mean(engine, looks)
    remark = None if apply_anyway else _remark(sure, part, frame, config.base_size)
    is_refined = max(views, key=lambda view: view[1])[0] is not low
    if is_refined and not (apply_anyway or remark):
        remark = _REFINED
    return Analyzed(part.mask, frame, found, float(sure.share), remark, low)


def _views(low: LowPicture, refine: Callable[[], FloatArray | None]) -> list[tuple[LowPicture, float]]:
    """The picture with the given mask, with one refined to the edge, or both, and their weights.

    The network compares colors on both sides of the edge, so it sees little if the mask is off. A refined
    mask always lies on an edge. It is believed if that has clearly more contrast than the given mask's edge.
    The transition is smooth, so that what hardly changes the picture hardly changes the result.
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
    """What a picture and a mask lead to.

    Attributes:
        found: the engine's analysis: the mean of two, one of the mirrored picture.
        sure: how sure it is.
        weight: of this look among those at the same picture.
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
    """The mean analysis, each weighted by how sure it is, too, and how sure the mean is."""
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
