"""From a composite and its mask to the bytes of a file: the steps that every face of the package takes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..errors import PictureError
from ..imaging import Lut, Picture, encode_picture, to_mask
from ..imaging.edges import adjust_mask, invert_mask
from ..imaging.masks import describe_inverted, looks_like_mask
from .options import Options

if TYPE_CHECKING:
    from ..imaging.composition import Layer
    from .harmonizer import Harmonizer, Progress
    from .result import Result


def mask_for(picture: Picture, mask: Any, options: Options) -> NDArray[Any]:
    """The (H, W) mask of a picture; see `to_mask`.

    Raises:
        PictureError: As from `to_mask`; if both seem to be swapped, it says so.
    """
    size = picture.height, picture.width
    try:
        soft = to_mask(mask, *size, resize=options.resize_mask, labels=options.labels)
    except PictureError as error:
        if looks_like_mask(picture):
            raise PictureError(
                f"{error} The picture looks like a mask: if both are swapped, give the picture first."
            ) from error
        raise
    return invert_mask(soft) if options.invert_mask else soft


def split_alpha(picture: Picture, options: Options) -> tuple[Picture, NDArray[Any]]:
    """An opaque picture, and the mask that its alpha channel is.

    Raises:
        PictureError: It has no alpha channel, or no background under what is transparent.
    """
    if picture.alpha is None:
        raise PictureError(
            "The picture has no alpha channel to take as the mask; give a mask that is white where the "
            "pasted object is and black elsewhere."
        )
    mask, colors = mask_for(picture, picture.alpha, options), picture.pixels[..., :-1]
    hidden = colors[picture.alpha == 0]
    if len(hidden) and (hidden == hidden[0]).all():
        raise PictureError(
            "The picture is a cut-out: nothing is under what is transparent, so that there is no background "
            "to match; paste it onto one with cdtnet compose."
        )
    return picture.replace_pixels(colors.copy()), mask


def harmonize_picture(
    harmonizer: Harmonizer,
    picture: Picture,
    mask: Any,
    options: Options,
    *,
    layer: Layer | None = None,
    record: bool | Mapping[str, Any] = False,
    progress: Progress | None = None,
) -> Result:
    """Harmonize a picture, its mask as large as it; see `Harmonizer`.

    Warns:
        UserWarning: As the harmonizer does; and of what the picture's file holds and no result can.
    """
    mask, snapped = _edged(picture, mask, options)
    if snapped is not options and record is not False:
        used = {name: getattr(options, name) for name in ("snap_mask", "grow", "feather")}
        record = {**used, **({} if record is True else record)}
    options = snapped
    result = harmonizer(
        picture,
        mask,
        strength=options.strength,
        apply_anyway=options.apply_anyway,
        snap_mask=options.snap_mask,
        layer=layer,
        record=record,
        progress=progress,
    )
    inverted = None if layer or mask.dtype.kind == "i" else describe_inverted(mask)
    more = [*([inverted] if inverted else []), *picture.metadata.left_out]
    for sentence in more:
        warnings.warn(sentence, stacklevel=2)
    remarks = [*([result.remark] if result.remark else []), *more]
    return replace(result, remark=" ".join(remarks) or None)


def _edged(picture: Picture, mask: Any, options: Options) -> tuple[Any, Options]:
    """The mask with its edge moved, and what is left to do with it."""
    if not (options.grow or options.feather):
        return mask, options
    if options.snap_mask:
        from ..imaging.snapping import snap_mask

        mask = snap_mask(picture, mask)
    return adjust_mask(mask, grow=options.grow, feather=options.feather), replace(options, snap_mask=False)


def table_for(harmonizer: Harmonizer, picture: Picture, mask: Any, options: Options) -> Lut | None:
    """The color table of a picture at the strength asked for; None where the model mixes none."""
    lut = harmonizer.lut(picture, mask, apply_anyway=options.apply_anyway, snap_mask=options.snap_mask)
    return lut and lut.weakened(options.strength)


def encode(picture: Picture, suffix: str, options: Options) -> bytes:
    """The bytes of a picture's file."""
    return encode_picture(picture, suffix, quality=options.quality)
