"""Requests of the page, processed through the public Python API."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
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
from ...inference.harmonizer import Harmonizer, Progress
from ...inference.options import Options
from ...inference.pipeline import harmonize_picture
from .masks import check_shape, paint
from .photos import Photo

ROLES = ("foreground", "background", "composite", "mask", "strokes")


@dataclass(frozen=True)
class Edit:
    """A request of the page.

    Attributes:
        way: "place" pastes the foreground upload on the background upload; "paint" takes the composite upload
            and the mask made of the mask and strokes uploads.
        model: One of the names on offer.
        options: How to harmonize.
        at: Left and top of the foreground, scaled but not rotated, in pixels of the background.
        scale: Of the foreground.
        rotate: Of the foreground, clockwise degrees about its center.
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
            raise CdtnetError("Give a way, place or paint, and a model.")
        if not isinstance(at, list) or len(at) != 2:
            raise CdtnetError("The place of a foreground is two numbers.")
        numbers = [wishes.get("strength", 1.0), *at, wishes.get("scale", 1.0), wishes.get("rotate", 0.0)]
        if not all(_is_number(number) for number in numbers):
            raise CdtnetError("Strength, place, scale and rotation are numbers.")
        strength, left, top, scale, rotate = numbers
        apply_anyway = wishes.get("apply_anyway", False)
        if not isinstance(apply_anyway, bool):
            raise CdtnetError("Whether to apply anyway is true or false.")
        options = Options(strength=strength, apply_anyway=apply_anyway)
        return cls(way, model, options, (left, top), scale, rotate)


@dataclass(frozen=True)
class Outcome:
    """The result of a request.

    Attributes:
        composite: What was harmonized.
        mask: (H, W), its foreground.
        harmonized: The result.
        lut: The color table, where the model has one.
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
    """The available models by name, each loaded when it is first used.

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
        """Load a model.

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
    """Refine the shown mask to the object's edge; returns the bytes of a PNG or TIFF file.

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
    """Encode a mask (H, W); returns the bytes of a file and its suffix."""
    suffix = (TIFF if mask.dtype == np.float32 else PNG).suffix
    return encode_picture(Picture(mask[..., None]), suffix), suffix


def _is_number(value: Any) -> bool:
    """Check for a finite number that fits a float."""
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
        "strength": edit.options.strength,
        "apply_anyway": edit.options.apply_anyway,
    }


# How a composite and its mask are made, and from which pictures.
_WAYS = {"place": (_placed, ("foreground", "background")), "paint": (_painted, ("composite",))}
