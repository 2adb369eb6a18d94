"""The example composites in each bit depth, with and without a color profile and alpha."""

from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from cdtnet import Picture
from cdtnet.imaging import Metadata, read_picture

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"

Input = tuple[Picture, NDArray[np.uint8]]


def make_inputs(*, short: bool) -> dict[str, Input]:
    """Return composites and masks by name."""
    inputs: dict[str, Input] = {}
    for name in ("bird", "dogs", "drum"):
        photo = read_picture(PHOTOS / f"{name}_composite.jpg").pixels
        mask = read_picture(PHOTOS / f"{name}_mask.png").pixels[..., 0]
        if not short:
            inputs[name] = Picture(photo[::2, ::2]), mask[::2, ::2]
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        part = (
            slice(rows[0], rows[0] + (150 if short else 300)),
            slice(columns[0], columns[0] + (300 if short else 400)),
        )
        colors, soft = np.ascontiguousarray(photo[part]), np.ascontiguousarray(mask[part])
    p3 = Metadata(icc=bytes(pyvips.Image.profile_load("p3")))
    deep, floats = colors.astype(np.uint16) * 257, colors.astype(np.float32) / 255
    opacity = np.random.default_rng(0).integers(0, 256, soft.shape, np.uint8)
    inputs |= {
        "8 bit": (Picture(colors), soft),
        "gray float": (Picture(floats[..., 1:2]), soft),
        "16 bit P3": (Picture(deep, p3), soft),
    }
    if short:
        return inputs
    return inputs | {
        "16 bit": (Picture(deep), soft),
        "float": (Picture(floats), soft),
        "alpha": (Picture(np.dstack([colors, opacity])), soft),
        "8 bit P3": (Picture(colors, p3), soft),
        "float P3": (Picture(floats, p3), soft),
    }
