"""The downloads of a result: the bytes of a file, and the suffix of its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ...errors import CdtnetError, PictureError
from ...imaging import Picture, encode_picture
from ...imaging.formats import FORMATS, SUFFIXES, WRITTEN, result_format
from ...imaging.write import describe_encoding
from ...inference.controls import Controls
from ...inference.fitting import fit_lut
from .work import Outcome, controls_of, encode_mask, is_number


class Download(NamedTuple):
    """A file.

    Attributes:
        data: Its content.
        suffix: The suffix of its name.
        note: A remark to show, or "".
    """

    data: bytes
    suffix: str
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """The form in which a result is downloaded.

    Attributes:
        controls: The controls of the foreground.
        suffix: The suffix of the picture's format; "" for that of the original.
        quality: 1 to 100; None for the default, and lossless if the original was.
    """

    controls: Controls
    suffix: str = ""
    quality: int | None = None

    @classmethod
    def of(cls, wishes: Mapping[str, Any], controls: Controls) -> Choice:
        """Check a choice that the page sent; `controls` are used if it contains none.

        Raises:
            CdtnetError: A value is invalid.
        """
        suffix, quality = wishes.get("suffix", ""), wishes.get("quality")
        if suffix and suffix not in SUFFIXES:
            raise CdtnetError("The suffix must be that of one of the available formats.")
        if not (quality is None or is_number(quality)):
            raise CdtnetError("The quality must be a number.")
        steered = controls_of({**asdict(controls), **wishes})
        return cls(steered, suffix, None if quality is None else int(quality))


def picture(outcome: Outcome, choice: Choice) -> Download:
    """Encode the harmonized picture, by default in its original format, as `Picture.save` writes it."""
    image = _rendered(outcome, choice.controls)
    suffix = choice.suffix or result_format(image.metadata.format).suffix
    if choice.quality is None:
        return Download(encode_picture(_fitting(image, suffix), suffix), suffix)
    image = replace(image, metadata=replace(image.metadata, lossless=False))
    return Download(encode_picture(_fitting(image, suffix), suffix, quality=choice.quality), suffix)


def mask(outcome: Outcome, _: Choice) -> Download:
    """Encode the mask in the size of the picture; white is foreground."""
    return Download(*encode_mask(outcome.mask.picture.pixels[..., 0]))


def table(outcome: Outcome, choice: Choice) -> Download:
    """Encode a lookup table fitted to the result, as `Lut.save` writes it, with a note on its error."""
    fit = fit_lut(outcome.analysis.render(choice.controls), outcome.layer)
    if fit is None:
        raise PictureError("There is nothing to fit a color table to: the mask is black.")
    return Download(fit.lut.encode(), ".cube", fit.lut.note)


def settings(outcome: Outcome, choice: Choice) -> Download:
    """Encode all settings with which the Python API makes the same picture."""
    every = {**outcome.settings, **asdict(choice.controls)}
    return Download(json.dumps(every, indent=2).encode() + b"\n", ".json")


DOWNLOADS = {"picture": picture, "mask": mask, "table": table, "settings": settings}


def formats(outcome: Outcome) -> list[dict[str, Any]]:
    """List the formats that can hold the result, its original format first."""
    image = outcome.harmonized.picture
    own = result_format(image.metadata.format)
    return [_described(image, own.name)] + [
        _described(image, name) for name in WRITTEN if name != own.name and _holds(image, name)
    ]


def _described(image: Picture, name: str) -> dict[str, Any]:
    suffix = FORMATS[name].suffix
    depth = 8 * _fitting(image, suffix).pixels.dtype.itemsize
    return {"suffix": suffix, "name": name, "depth": depth, "quality": name not in ("PNG", "TIFF", "EXR")}


def _holds(image: Picture, name: str) -> bool:
    suffix = FORMATS[name].suffix
    try:
        describe_encoding(_fitting(image, suffix), f"result{suffix}")
    except CdtnetError:
        return False
    return True


def _rendered(outcome: Outcome, controls: Controls) -> Picture:
    if controls == Controls():
        return outcome.harmonized.picture
    image: Picture = outcome.analysis.render(controls).image
    return image


def _fitting(image: Picture, suffix: str) -> Picture:
    """Return the picture in 8 bits if it has 16 and the format supports only 8."""
    if image.pixels.dtype == np.uint16 and FORMATS[SUFFIXES[suffix]].depths == ("uint8",):
        return image.replace_pixels(np.rint(image.pixels / np.float32(257)).astype(np.uint8))
    return image
