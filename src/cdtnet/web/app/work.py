"""From what the page sends to a harmonized picture, by the public Python API alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._version import __version__
from ...config import Runtime
from ...errors import CdtnetError, PictureError
from ...imaging import Lut, Picture, describe, encode_picture, to_mask
from ...imaging.composition import Layer, compose
from ...imaging.formats import PNG, TIFF
from ...imaging.snapping import snap
from ...inference.controls import WORDS
from ...inference.harmonizer import Harmonizer
from ...inference.options import Options
from ...inference.pipeline import harmonize_picture
from ...inference.rendering import Progress
from .masks import check_shape, paint
from .photos import Photo

ROLES = ("foreground", "background", "composite", "mask", "strokes")


@dataclass(frozen=True)
class Edit:
    """What the page asks for.

    Attributes:
        way: "place" pastes the foreground upload on the background upload; "paint" takes the composite upload
            and the mask made of the mask and strokes uploads.
        model: One of the names on offer.
        options: How to harmonize.
        at: Left and top of the foreground, scaled but not rotated, in pixels of the background.
        scale: Of the foreground.
        rotate: Of the foreground, clockwise degrees about its centre.
    """

    way: str
    model: str
    options: Options
    at: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    rotate: float = 0.0

    @classmethod
    def of(cls, wishes: Mapping[str, Any]) -> Edit:
        """Check what came from outside.

        Raises:
            CdtnetError: Something is missing, or not what it should be.
        """
        way, model, at = wishes.get("way"), wishes.get("model"), wishes.get("at", [0, 0])
        if way not in _WAYS or not isinstance(model, str):
            raise CdtnetError("Ask for a way, place or paint, and a model.")
        if not isinstance(at, list) or len(at) != 2:
            raise CdtnetError("The place of a foreground is two numbers.")
        numbers = [*at, wishes.get("scale", 1.0), wishes.get("rotate", 0.0)]
        steering = {name: wishes[name] for name in WORDS if name in wishes}
        switches = [steering.pop("keep_hue", False), wishes.get("apply_anyway", False)]
        if not all(_is_number(number) for number in [*numbers, *steering.values()]):
            raise CdtnetError("Place, scale, rotation and controls are numbers.")
        if not all(isinstance(switch, bool) for switch in switches):
            raise CdtnetError("Whether to keep hues or to apply anyway is true or false.")
        left, top, scale, rotate = numbers
        keep_hue, apply_anyway = switches
        options = Options().but(**steering, keep_hue=keep_hue, apply_anyway=apply_anyway)
        return cls(way, model, options, (left, top), scale, rotate)


@dataclass(frozen=True)
class Outcome:
    """What harmonizing gave, and what it was asked for.

    Attributes:
        composite: What was harmonized.
        mask: (H, W), its foreground.
        harmonized: The result.
        lut: The colour table, where the model has one.
        remark: Why little is changed, in a sentence, or None.
        settings: What the Python API needs to give the same again.
    """

    composite: Photo
    mask: NDArray[Any]
    harmonized: Photo
    lut: Lut | None
    remark: str | None
    settings: dict[str, Any]


class Models:
    """The models on offer by name, each loaded when it is first asked for.

    Args:
        given: What the command line names: a shipped model, or a file, which is then offered by its name.
        runtime: As for `Harmonizer`.
    """

    def __init__(self, given: str | PathLike[str], runtime: Runtime) -> None:
        from ...weights import SHIPPED

        self.first = str(given) if str(given) in SHIPPED else Path(given).name
        self._sources = {self.first: given, **{name: name for name in SHIPPED if name != self.first}}
        self._runtime = runtime
        self._loaded: dict[str, Harmonizer] = {}

    @property
    def names(self) -> list[str]:
        """All on offer, the one that the command line names first."""
        return list(self._sources)

    def load(self, name: str) -> Harmonizer:
        """One of them, ready.

        Raises:
            WeightsError: It cannot be loaded.
            CdtnetError: It is not on offer.
        """
        if name not in self._sources:
            raise CdtnetError(f"There is no model {name!r} here; there are {', '.join(self._sources)}.")
        if name not in self._loaded:
            self._loaded[name] = Harmonizer(self._sources[name], **self._runtime)
        return self._loaded[name]


def harmonize(uploads: Mapping[str, Photo], edit: Edit, models: Models, progress: Progress) -> Outcome:
    """Make the picture that the page asks for.

    Raises:
        CdtnetError: A picture is missing or cannot be used.
    """
    make, _ = _WAYS[edit.way]
    composite, mask, layer = make(uploads, edit)
    if remark := describe(mask):
        raise PictureError(remark)
    progress(0, 0)
    harmonizer, picture = models.load(edit.model), composite.picture
    result = harmonize_picture(harmonizer, picture, mask, edit.options, layer=layer, progress=progress)
    settings = _settings(uploads, edit)
    return Outcome(composite, mask, Photo(result.image), result.lut, result.remark, settings)


def snapped(uploads: Mapping[str, Photo]) -> bytes:
    """The mask that the page shows, refined to the object's edge, as the bytes of a PNG or TIFF file.

    Raises:
        CdtnetError: A picture is missing, no edge is found, or OpenCV is not installed.
    """
    composite, mask, _ = _painted(uploads, None)
    if remark := describe(mask):
        raise PictureError(remark)
    refined, remark = snap(composite.picture.pixels, mask)
    if remark:
        raise PictureError(remark)
    return encode_mask(refined)[0]


def encode_mask(mask: NDArray[Any]) -> tuple[bytes, str]:
    """A mask (H, W) as the bytes of a file, and the suffix of its name."""
    suffix = (TIFF if mask.dtype == np.float32 else PNG).suffix
    return encode_picture(Picture(mask[..., None]), suffix), suffix


def _is_number(value: Any) -> bool:
    """Not NaN, nor so large that no float holds it."""
    return isinstance(value, (int, float)) and -sys.float_info.max <= value <= sys.float_info.max


def _placed(uploads: Mapping[str, Photo], edit: Edit) -> tuple[Photo, NDArray[Any], Layer | None]:
    foreground, background = (_needed(uploads, role) for role in ("foreground", "background"))
    made = compose(foreground.picture, background.picture, at=edit.at, scale=edit.scale, rotate=edit.rotate)
    return Photo(made.composite), made.mask, made.layer


def _painted(uploads: Mapping[str, Photo], _: Edit | None) -> tuple[Photo, NDArray[Any], Layer | None]:
    composite = _needed(uploads, "composite")
    picture = composite.picture
    if "mask" in uploads:
        check_shape(uploads["mask"].picture, picture)
        mask = to_mask(uploads["mask"].picture, picture.height, picture.width, resize=True)
    else:
        mask = np.zeros((picture.height, picture.width), np.uint8)
    if "strokes" in uploads:
        mask = paint(mask, uploads["strokes"].picture)
    return composite, mask, None


def _needed(uploads: Mapping[str, Photo], role: str) -> Photo:
    if role not in uploads:
        raise PictureError(f"The {role} is missing; choose a file for it.")
    return uploads[role]


def _settings(uploads: Mapping[str, Photo], edit: Edit) -> dict[str, Any]:
    _, roles = _WAYS[edit.way]
    sizes = {role: [uploads[role].picture.width, uploads[role].picture.height] for role in roles}
    placement = {"at": edit.at, "scale": edit.scale, "rotate": edit.rotate} if edit.way == "place" else {}
    return {
        "cdtnet": __version__,
        **sizes,
        **placement,
        "model": edit.model,
        **asdict(edit.options.controls),
        "apply_anyway": edit.options.apply_anyway,
    }


# How a composite and its mask come about, and which pictures that takes.
_WAYS = {"place": (_placed, ("foreground", "background")), "paint": (_painted, ("composite",))}
