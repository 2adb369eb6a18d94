"""The steps from a composite and its mask to the bytes of a file, shared by all front ends."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..imaging import Lut, Picture, to_mask
from ..imaging.layers import Stack, stack_of
from ..imaging.masks import describe_inverted, survey_of
from .options import Options
from .remarks import joined

if TYPE_CHECKING:
    from ..imaging.composition import Layer
    from .harmonizer import Harmonizer
    from .picture_analysis import Progress
    from .result import Result


def mask_for(picture: Picture, mask: Any, options: Options) -> NDArray[Any]:
    """Return the (H, W) mask of a picture; see `to_mask`.

    Raises:
        PictureError: As from `to_mask`; the message says if picture and mask seem to be swapped.
    """
    size = picture.height, picture.width
    try:
        return to_mask(mask, *size, resize=options.resize_mask, labels=options.labels)
    except PictureError as error:
        if survey_of(picture).black_and_white():
            raise PictureError(
                f"{error} The picture looks like a mask: if both are swapped, give the picture first."
            ) from error
        raise


def split_alpha(picture: Picture, options: Options) -> tuple[Picture, NDArray[Any]]:
    """Split a picture into an opaque picture and its alpha channel as the mask.

    Raises:
        PictureError: It has no alpha channel, or no background under its transparent pixels.
    """
    if picture.alpha is None:
        raise PictureError(
            "The picture has no alpha channel to use as the mask; give a mask that is white where the "
            "pasted object is and black elsewhere."
        )
    mask, colors = mask_for(picture, picture.alpha, options), picture.pixels[..., :-1]
    hidden = colors[picture.alpha == 0]
    if len(hidden) and (hidden == hidden[0]).all():
        raise PictureError(
            "The picture is a cut-out: there are no colors under its transparent pixels, so there is no "
            "background to match; paste it onto one with cdtnet compose."
        )
    return picture.replace_pixels(colors.copy()), mask


def harmonize_picture(
    harmonizer: Harmonizer,
    picture: Picture,
    mask: Any,
    options: Options,
    *,
    layer: Layer | None = None,
    keep: bool = False,
    record: bool | Mapping[str, Any] = False,
    progress: Progress | None = None,
) -> Result:
    """Harmonize a picture with a mask of its size; see `Harmonizer`.

    Args:
        harmonizer: The harmonizer.
        picture: The composite.
        mask: Its mask, or a list of masks.
        options: The options.
        layer: As for `Harmonizer`.
        keep: As for `Harmonizer`; set it if the result's layer will be used.
        record: As for `Harmonizer`.
        progress: As for `Harmonizer`.

    Warns:
        UserWarning: As from the harmonizer; or the mask seems to be inverted.
    """
    result = harmonizer(
        picture, mask, options=options, layer=layer, keep=keep, record=record, progress=progress
    )
    one = isinstance(mask, np.ndarray) and mask.dtype.kind != "i"  # neither a list nor labels
    check = one and layer is None and not options.invert_mask
    inverted = describe_inverted(mask) if check else None
    if not inverted:
        return result
    warnings.warn(inverted, stacklevel=2)
    return replace(result, remark=joined((result.remark, inverted)))


def table_for(
    harmonizer: Harmonizer, picture: Picture, mask: Any, options: Options, *, fit: bool
) -> Lut | None:
    """Return a picture's lookup table, with the controls applied or fitted to the result, if there is one."""
    if not fit:
        return harmonizer.analyze(picture, mask, options).table()
    from .fitting import fit_lut

    fitted = fit_lut(harmonizer(picture, mask, options=options, keep=True))
    return fitted and fitted.lut


def layers_of(result: Result, background: Picture | None = None, layer: Layer | None = None) -> Stack:
    """Make the layers of a harmonized `Picture`: background, original and harmonized foreground.

    Args:
        result: The result of a composite that is a `Picture`.
        background: The background, if the foreground was pasted.
        layer: The foreground alone, if it was pasted.
    """
    original = result.composite.pixels if layer is None else layer.over(result.composite.pixels)
    return stack_of(result.image, background or result.composite, original, result.layer)
