"""Requests of the page, processed through the public Python API."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._version import __version__
from ...config import Runtime
from ...errors import CdtnetError, PictureError
from ...imaging import Picture, describe, encode_picture, to_mask
from ...imaging.composition import Layer, compose
from ...imaging.cutting import cut_out, has_finder
from ...imaging.edges import adjust_mask, invert_mask
from ...imaging.formats import PNG, TIFF
from ...imaging.geometry import extent
from ...imaging.snapping import snap
from ...inference.controls import WORDS, Controls
from ...inference.harmonizer import Harmonizer
from ...inference.options import Options
from ...inference.picture_analysis import PictureAnalysis, Progress
from ...inference.remarks import Remark, joined
from .masks import check_shape, paint
from .photos import Photo

ROLES = ("foreground", "background", "composite", "mask", "strokes")


@dataclass(frozen=True)
class Edit:
    """A request of the page.

    Attributes:
        way: "place" pastes the foreground upload on the background upload; "paint" takes the composite upload
            and the mask made of the mask and strokes uploads.
        model: The name of a model.
        options: The options.
        placement: Where the foreground is pasted: `at`, `scale`, `rotate` and `flip`, as for `compose`.
        snap: Whether a painted mask is refined to the object's edge first, if there is one.
    """

    way: str
    model: str
    options: Options
    placement: Mapping[str, Any]
    snap: bool = False

    @classmethod
    def of(cls, wishes: Mapping[str, Any]) -> Edit:
        """Check a request that the page sent.

        Raises:
            CdtnetError: A value is missing or invalid.
        """
        way, model, at = wishes.get("way"), wishes.get("model"), wishes.get("at", [0, 0])
        if way not in _WAYS or not isinstance(model, str):
            raise CdtnetError("Give a way, place or paint, and a model.")
        if not isinstance(at, list) or len(at) != 2:
            raise CdtnetError("The place of a foreground is two numbers.")
        left, top, scale, rotate = [*at, wishes.get("scale", 1.0), wishes.get("rotate", 0.0)]
        if not all(is_number(number) for number in (left, top, scale, rotate)):
            raise CdtnetError("Place, scale and rotation are numbers.")
        apply_anyway, flip, snap = (wishes.get(name, False) for name in ("apply_anyway", "flip", "snap"))
        if not all(isinstance(switch, bool) for switch in (apply_anyway, flip, snap)):
            raise CdtnetError("Whether to apply anyway, to flip or to snap is true or false.")
        options = Options(controls=controls_of(wishes), apply_anyway=apply_anyway)
        placement = {"at": (left, top), "scale": scale, "rotate": rotate, "flip": flip}
        return cls(way, model, options, placement, snap)


def controls_of(wishes: Mapping[str, Any]) -> Controls:
    """Return the controls that the page sent; missing ones have their defaults.

    Raises:
        CdtnetError: A value is invalid.
    """
    given = {name: wishes[name] for name in WORDS if name in wishes}
    keep_hue = given.pop("keep_hue", False)
    if not isinstance(keep_hue, bool) or not all(is_number(number) for number in given.values()):
        raise CdtnetError("Controls are numbers, and whether to keep hues is true or false.")
    return Controls(keep_hue=keep_hue, **given)


@dataclass(frozen=True)
class Outcome:
    """The result of a request.

    Attributes:
        composite: What was harmonized.
        before: The foreground's own colors, not mixed with what is behind them; the composite if they are
            unknown.
        mask: (H, W), its foreground, as a picture.
        harmonized: The result at full strength.
        analysis: Renders the result with other controls.
        layer: The foreground by itself, if it was pasted.
        controls: The controls of the request.
        extent: Left, top, right and bottom of the foreground, in pixels.
        remark: Why little is changed, or None.
        snapped: Whether the mask was brought to the object's edge.
        settings: What the Python API needs to give the same again, controls apart.
    """

    composite: Photo
    before: Photo
    mask: Photo
    harmonized: Photo
    analysis: PictureAnalysis
    layer: Layer | None
    controls: Controls
    extent: tuple[int, int, int, int]
    remark: Remark | None
    snapped: bool
    settings: dict[str, Any]

    @property
    def photos(self) -> dict[str, Photo]:
        """The pictures that the page shows, by name."""
        return {name: getattr(self, name) for name in ("composite", "before", "mask", "harmonized")}

    @property
    def nbytes(self) -> int:
        """The memory of the analysis and the layer in bytes."""
        kept = 12 * int(np.count_nonzero(self.mask.picture.pixels))
        return kept if self.layer is None else kept + self.layer.pixels.nbytes


class Models:
    """The available models by name, each loaded on first use.

    Args:
        given: The model of the command line: a shipped model, or a file, which is added by its name.
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
        """All names, that of the command line first."""
        return list(self._sources)

    def load(self, name: str) -> Harmonizer:
        """Load a model.

        Raises:
            WeightsError: The model cannot be loaded.
            CdtnetError: The model is not available.
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
    mask, snapped, remarks = _snapped(composite, mask) if edit.snap and layer is None else (mask, False, [])
    window = extent(mask)
    assert window
    progress(0, 0)
    picture = composite.picture
    analysis = models.load(edit.model).analyze(picture, mask, options=edit.options, layer=layer, keep=True)
    result = analysis.render(Controls(), progress=progress)
    return Outcome(
        composite,
        before=composite if layer is None else Photo(picture.replace_pixels(layer.over(picture.pixels))),
        mask=Photo(Picture(mask[..., None])),
        harmonized=Photo(result.image),
        analysis=analysis,
        layer=layer,
        controls=edit.options.controls,
        extent=(window.left, window.top, window.right, window.bottom),
        remark=joined((*remarks, result.remark, *picture.metadata.left_out)),
        snapped=snapped,
        settings=_settings(uploads, edit),
    )


def _snapped(composite: Photo, mask: NDArray[Any]) -> tuple[NDArray[Any], bool, list[str]]:
    """Refine a mask to the object's edge; return it, whether it changed, and the reasons if not."""
    refined, remark = snap(composite.picture.pixels, mask)
    if np.array_equal(refined, mask):
        return mask, False, [remark] if remark else []
    return refined, True, []


def edited(uploads: Mapping[str, Photo], edit: str, pixels: float) -> bytes:
    """Return the mask that the page shows, edited, as the bytes of a PNG or TIFF file.

    Args:
        uploads: The pictures that the page has sent.
        edit: One of `EDITS`.
        pixels: The distance, for edits that need one.

    Raises:
        CdtnetError: A picture is missing, or no edge is found.
    """
    composite, mask, _ = _painted(uploads, None)
    if edit != "invert" and (remark := describe(mask)):
        raise PictureError(remark)
    return encode_mask(EDITS[edit](composite, mask, pixels))[0]


def _snap(composite: Photo, mask: NDArray[Any], _: float) -> NDArray[Any]:
    refined, remark = snap(composite.picture.pixels, mask)
    if remark:
        raise PictureError(remark)
    return refined


EDITS: dict[str, Callable[[Photo, NDArray[Any], float], NDArray[Any]]] = {
    "snap": _snap,
    "invert": lambda _, mask, pixels: invert_mask(mask),
    "feather": lambda _, mask, pixels: adjust_mask(mask, feather=pixels),
    "grow": lambda _, mask, pixels: adjust_mask(mask, grow=round(pixels)),
}


def cut_from(photo: Picture, finder: str) -> bytes:
    """Cut the object out of a photo, and return the bytes of a PNG or TIFF file.

    Args:
        photo: An opaque photo.
        finder: The network of rembg that finds the object.

    Raises:
        CdtnetError: rembg or the weights of its network are not installed, or no object is found.
    """
    if not has_finder(finder):
        raise CdtnetError(
            f"The weights of rembg's network {finder} are not on this computer yet; to download them, start "
            "the page with: cdtnet app --cut-out"
        )
    return _encoded(cut_out(photo, finder=finder))[0]


def encode_mask(mask: NDArray[Any]) -> tuple[bytes, str]:
    """Encode a mask (H, W); return the bytes of a file and its suffix."""
    return _encoded(Picture(mask[..., None]))


def _encoded(picture: Picture) -> tuple[bytes, str]:
    suffix = (TIFF if picture.pixels.dtype == np.float32 else PNG).suffix
    return encode_picture(picture, suffix), suffix


def is_number(value: Any) -> bool:
    """Check for a finite number that fits a float."""
    return isinstance(value, (int, float)) and -sys.float_info.max <= value <= sys.float_info.max


def _placed(uploads: Mapping[str, Photo], edit: Edit) -> tuple[Photo, NDArray[Any], Layer | None]:
    foreground, background = (_needed(uploads, role) for role in ("foreground", "background"))
    made = compose(foreground.picture, background.picture, **edit.placement)
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
    return {
        "cdtnet": __version__,
        **sizes,
        **(edit.placement if edit.way == "place" else {}),
        "model": edit.model,
        "apply_anyway": edit.options.apply_anyway,
    }


# How a composite and its mask are made, and from which pictures.
_WAYS = {"place": (_placed, ("foreground", "background")), "paint": (_painted, ("composite",))}
