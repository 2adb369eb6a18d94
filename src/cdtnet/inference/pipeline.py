"""From a composite and its mask to the bytes of a file: the steps that every face of the package takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..imaging import Lut, Picture, encode_picture, to_mask
from ..imaging.layers import Stack, stack_of
from .options import Options

if TYPE_CHECKING:
    from ..imaging.composition import Layer
    from .harmonizer import Harmonizer
    from .rendering import Progress
    from .result import Result


def mask_for(picture: Picture, mask: Any, options: Options) -> NDArray[Any]:
    """The (H, W) mask of a picture; see `to_mask`."""
    return to_mask(mask, picture.height, picture.width, resize=options.resize_mask, labels=options.labels)


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
    """Harmonize a picture, its mask as large as it; see `Harmonizer`.

    Args:
        harmonizer: Has the model.
        picture: The composite.
        mask: Its foreground, or a list of them.
        options: How to harmonize.
        layer: As for `Harmonizer`.
        keep: Whether the result's layer will be asked for; see `Harmonizer`.
        record: As for `Harmonizer`.
        progress: As for `Harmonizer`.

    Warns:
        UserWarning: As the harmonizer does.
    """
    return harmonizer(
        picture, mask, options=options, layer=layer, keep=keep, record=record, progress=progress
    )


def table_for(harmonizer: Harmonizer, picture: Picture, mask: Any, options: Options) -> Lut | None:
    """The color table of a picture, steered as asked for; None where the model mixes none."""
    return harmonizer.analyze(picture, mask, options).table()


def fitted_for(harmonizer: Harmonizer, picture: Picture, mask: Any, options: Options) -> Lut | None:
    """A color table fitted to what becomes of a picture's foreground; None where there is none."""
    from .fitting import fit_lut

    fit = fit_lut(harmonizer(picture, mask, options=options, keep=True))
    return fit and fit.lut


def layers_of(result: Result, background: Picture | None = None, layer: Layer | None = None) -> Stack:
    """What editors get of a harmonized `Picture`: background, foreground as it was, and harmonized.

    Args:
        result: Of a composite that is a `Picture`.
        background: What the foreground was pasted on, where it was.
        layer: The foreground by itself, where it was pasted.
    """
    original = result.composite.pixels
    if layer is not None:
        original = original.copy()
        original[layer.window.slices] = layer.pixels
    return stack_of(result.image, background or result.composite, original, result.layer)


def encode(picture: Picture, suffix: str, options: Options) -> bytes:
    """The bytes of a picture's file."""
    return encode_picture(picture, suffix, quality=options.quality)
