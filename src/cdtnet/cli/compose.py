"""`cdtnet compose`: paste a cut-out onto a background and recolour it so that it belongs."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import PictureError
from .options import (
    add_control_options,
    add_mask_options,
    add_model_options,
    add_record_option,
    runtime,
    stoppable_bar,
)
from .outputs import check_apart
from .pictures import (
    Output,
    add_layer_options,
    add_output_options,
    add_reading_options,
    beside,
    options_of,
    read_inputs,
    reading,
    record_of,
    save,
)

if TYPE_CHECKING:
    from ..imaging import Picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "foreground", metavar="FOREGROUND", help="cut-out with transparency, or a picture with --mask"
    )
    parser.add_argument(
        "background",
        metavar="BACKGROUND",
        nargs="?",
        help="picture to paste it on; either may be - for stdin. A FOREGROUND.psd or .ora needs none: its "
        "highest layer goes onto what is below it",
    )
    parser.add_argument(
        "--at",
        type=_place,
        metavar="X,Y",
        help="background pixel for the scaled foreground's top left corner; --at=-40,10 where it begins "
        "outside (default: centred)",
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the foreground (default: %(default)s, pixel for pixel)"
    )
    parser.add_argument(
        "--rotate", type=float, default=0.0, metavar="DEGREES", help="clockwise about its centre"
    )
    parser.add_argument(
        "--mask", help="what of the foreground to paste: as large as it, white = pasted, grey = soft edge"
    )
    add_mask_options(parser)
    parser.add_argument("--no-harmonize", action="store_true", help="paste only")
    parser.add_argument("--mask-output", metavar="FILE", help="write the pasted foreground's mask, too")
    parser.add_argument("--composite-output", metavar="FILE", help="write the composite as pasted, too")
    add_output_options(parser, "BACKGROUND_harmonized, or BACKGROUND_composite with --no-harmonize")
    add_model_options(parser)
    add_control_options(parser)
    add_layer_options(parser)
    add_reading_options(parser)
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, paste, harmonize, write; the path written is the one line on stdout."""
    from ..imaging import Picture
    from ..imaging.composition import compose
    from ..imaging.snapping import snap_mask
    from ..inference.harmonizer import Harmonizer
    from ..inference.pipeline import harmonize_picture, layers_of

    if arguments.no_harmonize and arguments.record:
        raise PictureError(
            "A record says how a picture was harmonized; leave out --record or --no-harmonize."
        )
    if arguments.no_harmonize and (arguments.layer or arguments.layers):
        raise PictureError("A layer holds the harmonized foreground; leave out --layer, or --no-harmonize.")
    if arguments.snap_mask and not arguments.mask:
        raise PictureError("Only a mask is snapped; give one with --mask, or leave out --snap-mask.")
    inputs = [arguments.foreground, arguments.background, arguments.mask]
    inputs = [name for name in inputs if name is not None]
    foreground, background, *given = _read(arguments)
    mask_of_foreground: Any = given[0] if given else None
    if arguments.snap_mask:
        mask_of_foreground = snap_mask(foreground, mask_of_foreground, resize_mask=arguments.resize_mask)
    made = compose(
        foreground,
        background,
        at=arguments.at,
        scale=arguments.scale,
        rotate=arguments.rotate,
        mask=mask_of_foreground,
        resize_mask=arguments.resize_mask,
    )
    composite, mask = made
    change = "composite" if arguments.no_harmonize else "harmonized"
    beneath = arguments.background or arguments.foreground
    name = arguments.output or beside(beneath, background.metadata.format, change)
    output = Output.prepare(name, composite, inputs, arguments)
    extras = [(arguments.mask_output, Picture(mask[..., None])), (arguments.composite_output, composite)]
    extras = [(file, picture) for file, picture in extras if file is not None]
    for file, picture in extras:
        Output.prepare(file, picture, inputs, arguments)
    alone = Output.prepare_layer(composite, inputs, arguments)
    check_apart([name, *(file for file, _ in extras), *([alone.name] if alone else [])])
    image, stack = composite, None
    if not arguments.no_harmonize:
        harmonizer = Harmonizer(arguments.model, **runtime(arguments))
        with stoppable_bar("harmonizing") as progress:
            options, record = options_of(arguments).but(snap_mask=False), _record(arguments)
            result = harmonize_picture(
                harmonizer,
                composite,
                mask,
                options,
                layer=made.layer,
                keep=output.layered or alone is not None,
                record=record,
                progress=progress,
            )
        image, stack = result.image, partial(layers_of, result, background, made.layer)
        if alone:
            save(result.layer, alone.name, alone.quality)
    for file, picture in extras:
        save(picture, file, arguments.quality)
    output.write(image, stack)


def _read(arguments: argparse.Namespace) -> list[Picture]:
    """Foreground and background, and the foreground's mask if it is given; layers count as cut-outs."""
    from ..imaging.layered import is_layered, read_layers
    from ..imaging.layers import cropped

    layered = is_layered(arguments.foreground)
    if arguments.background is None and not layered:
        raise PictureError(
            "Give a background; only PSD and OpenRaster files have one below their highest layer."
        )
    if arguments.layer_name and not layered:
        raise PictureError("Only PSD and OpenRaster files have layers with names; leave out --layer-name.")
    if not layered:
        names = [arguments.foreground, arguments.background, arguments.mask]
        given = [name for name in names if name is not None]
        return read_inputs(*given, chosen=1, **reading(arguments))
    foreground, below = read_layers(arguments.foreground, arguments.layer_name)
    if arguments.background is None:
        arguments.at = arguments.at or (0.0, 0.0)
        others = [below, *read_inputs(*([arguments.mask] if arguments.mask else []))]
        return [foreground, *others]
    foreground = cropped(foreground)
    given = [name for name in (arguments.background, arguments.mask) if name]
    return [foreground, *read_inputs(*given, **reading(arguments))]


def _record(arguments: argparse.Namespace) -> bool | dict[str, object]:
    record = record_of(
        arguments,
        foreground=arguments.foreground,
        background=arguments.background,
        foreground_mask=arguments.mask,
    )
    if isinstance(record, dict):
        record.update(
            snap_mask=arguments.snap_mask, at=arguments.at, scale=arguments.scale, rotate=arguments.rotate
        )
    return record


def _place(text: str) -> tuple[float, float]:
    """X,Y for argparse."""
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a place such as 120,80") from None
    return x, y
