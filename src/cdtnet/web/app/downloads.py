"""The downloads of a result: each as the bytes of a file, and the suffix of its name."""

from __future__ import annotations

import json

from ...errors import PictureError
from ...imaging import encode_picture
from ...imaging.formats import result_format
from .work import Outcome, encode_mask


def picture(outcome: Outcome) -> tuple[bytes, str]:
    """Encode the harmonized picture in its original format, as `Picture.save` writes it."""
    image = outcome.harmonized.picture
    suffix = result_format(image.metadata.format).suffix
    return encode_picture(image, suffix), suffix


def mask(outcome: Outcome) -> tuple[bytes, str]:
    """Encode the foreground mask in the picture's size, white where it was harmonized."""
    return encode_mask(outcome.mask)


def table(outcome: Outcome) -> tuple[bytes, str]:
    """Encode the lookup table as `Lut.save` writes it.

    Raises:
        PictureError: The model has none.
    """
    if outcome.lut is None:
        raise PictureError("This model makes no color table; choose another one.")
    return outcome.lut.encode(), ".cube"


def settings(outcome: Outcome) -> tuple[bytes, str]:
    """Encode all settings that the Python API needs to make the same picture."""
    return json.dumps(outcome.settings, indent=2).encode() + b"\n", ".json"


DOWNLOADS = {"picture": picture, "mask": mask, "table": table, "settings": settings}
