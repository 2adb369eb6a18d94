"""The downloads of a result: each as the bytes of a file, and the suffix of its name."""

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
        suffix: Of its name.
        note: What the person should know of it, in a sentence, or "".
    """

    data: bytes
    suffix: str
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """How a result is wanted.

    Attributes:
        controls: How the foreground is steered.
        suffix: Of the picture's format; "" for the one that it came in.
        quality: 1 to 100; None for the usual one, and lossless where the picture was.
    """

    controls: Controls
    suffix: str = ""
    quality: int | None = None

    @classmethod
    def of(cls, wishes: Mapping[str, Any], controls: Controls) -> Choice:
        """Check what came from outside; where it says nothing of controls, these are meant.

        Raises:
            CdtnetError: Something is not what it should be.
        """
        suffix, quality = wishes.get("suffix", ""), wishes.get("quality")
        if suffix and suffix not in SUFFIXES:
            raise CdtnetError("Ask for a picture by the suffix of one of the formats on offer.")
        if not (quality is None or is_number(quality)):
            raise CdtnetError("The quality is a number.")
        steered = controls_of({**asdict(controls), **wishes})
        return cls(steered, suffix, None if quality is None else int(quality))


def picture(outcome: Outcome, choice: Choice) -> Download:
    """The harmonized picture, by default in the format that it came in, as `Picture.save` writes it."""
    image = _rendered(outcome, choice.controls)
    suffix = choice.suffix or result_format(image.metadata.format).suffix
    if choice.quality is None:
        return Download(encode_picture(_fitting(image, suffix), suffix), suffix)
    image = replace(image, metadata=replace(image.metadata, lossless=False))
    return Download(encode_picture(_fitting(image, suffix), suffix, quality=choice.quality), suffix)


def mask(outcome: Outcome, _: Choice) -> Download:
    """The foreground mask as large as the picture, white where it was harmonized."""
    return Download(*encode_mask(outcome.mask.picture.pixels[..., 0]))


def table(outcome: Outcome, choice: Choice) -> Download:
    """A color table fitted to the result, as `Lut.save` writes it, and how close it is."""
    fit = fit_lut(outcome.analysis.render(choice.controls), outcome.layer)
    if fit is None:
        raise PictureError("There is nothing to fit a color table to: the mask is black.")
    return Download(fit.lut.encode(), ".cube", fit.lut.note)


def settings(outcome: Outcome, choice: Choice) -> Download:
    """Everything that the Python API needs to make the same picture again."""
    every = {**outcome.settings, **asdict(choice.controls)}
    return Download(json.dumps(every, indent=2).encode() + b"\n", ".json")


DOWNLOADS = {"picture": picture, "mask": mask, "table": table, "settings": settings}


def formats(outcome: Outcome) -> list[dict[str, Any]]:
    """The formats that can hold the result, the one that it came in first."""
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
    """The picture in 8 bits where it has 16 and the format holds no more."""
    if image.pixels.dtype == np.uint16 and FORMATS[SUFFIXES[suffix]].depths == ("uint8",):
        return image.replace_pixels(np.rint(image.pixels / np.float32(257)).astype(np.uint8))
    return image
