"""`cdtnet compose`: paste a cut-out onto a background and recolour it so that it belongs."""

import argparse
from dataclasses import replace
from typing import Any

from ..errors import PictureError
from .options import add_mask_options, add_model_options, add_record_option, runtime, stoppable_bar
from .outputs import check_apart
from .pictures import (
    Output,
    add_output_options,
    add_reading_options,
    beside,
    options_of,
    read_inputs,
    reading,
    record_of,
    save,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "foreground", metavar="FOREGROUND", help="cut-out with transparency, or a picture with --mask"
    )
    parser.add_argument(
        "background", metavar="BACKGROUND", help="picture to paste it on; either may be - for stdin"
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
    add_reading_options(parser)
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, paste, harmonize, write; the path written is the one line on stdout."""
    from ..imaging import Picture
    from ..imaging.composition import compose
    from ..imaging.snapping import snap_mask
    from ..inference.harmonizer import Harmonizer
    from ..inference.pipeline import harmonize_picture

    if arguments.no_harmonize and arguments.record:
        raise PictureError(
            "A record says how a picture was harmonized; leave out --record or --no-harmonize."
        )
    if arguments.snap_mask and not arguments.mask:
        raise PictureError("Only a mask is snapped; give one with --mask, or leave out --snap-mask.")
    inputs = [arguments.foreground, arguments.background, *([arguments.mask] if arguments.mask else [])]
    foreground, background, *given = read_inputs(*inputs, chosen=1, **reading(arguments))
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
    name = arguments.output or beside(arguments.background, background.metadata.format, change)
    output = Output.prepare(name, composite, inputs, arguments)
    extras = [(arguments.mask_output, Picture(mask[..., None])), (arguments.composite_output, composite)]
    extras = [(file, picture) for file, picture in extras if file is not None]
    for file, picture in extras:
        Output.prepare(file, picture, inputs, arguments)
    check_apart([name, *(file for file, _ in extras)])
    image = composite
    if not arguments.no_harmonize:
        harmonizer = Harmonizer(arguments.model, **runtime(arguments))
        with stoppable_bar("harmonizing") as progress:
            options, record = replace(options_of(arguments), snap_mask=False), _record(arguments)
            image = harmonize_picture(
                harmonizer, composite, mask, options, layer=made.layer, record=record, progress=progress
            ).image
    for file, picture in extras:
        save(picture, file, arguments.quality)
    output.write(image)


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
