"""From a composite and its mask to the bytes of a file: the steps that every face of the package takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..imaging import Lut, Picture, encode_picture, to_mask
from .options import Options

if TYPE_CHECKING:
    from ..imaging.composition import Layer
    from .harmonizer import Harmonizer, Progress
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
    record: bool | Mapping[str, Any] = False,
    progress: Progress | None = None,
) -> Result:
    """Harmonize a picture, its mask as large as it; see `Harmonizer`."""
    return harmonizer(
        picture,
        mask,
        strength=options.strength,
        apply_anyway=options.apply_anyway,
        snap_mask=options.snap_mask,
        layer=layer,
        record=record,
        progress=progress,
    )


def table_for(harmonizer: Harmonizer, picture: Picture, mask: Any, options: Options) -> Lut | None:
    """The color table of a picture at the strength asked for; None where the model mixes none."""
    lut = harmonizer.lut(picture, mask, apply_anyway=options.apply_anyway, snap_mask=options.snap_mask)
    return lut and lut.weakened(options.strength)


def encode(picture: Picture, suffix: str, options: Options) -> bytes:
    """The bytes of a picture's file."""
    return encode_picture(picture, suffix, quality=options.quality)
