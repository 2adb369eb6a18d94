"""`cdtnet harmonize`: recolour the foreground of one composite."""

import argparse
from concurrent.futures import ThreadPoolExecutor

from ..errors import PictureError
from .options import add_mask_options, add_model_options, add_record_option, runtime, stoppable_bar
from .pictures import (
    Output,
    add_label_option,
    add_output_options,
    add_reading_options,
    beside,
    options_of,
    read_inputs,
    reading,
    record_of,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "composite", metavar="COMPOSITE", help="picture with a pasted foreground, or - for stdin"
    )
    parser.add_argument(
        "mask",
        metavar="MASK",
        nargs="?",
        help="mask of the same size; white = foreground, grey = soft edge (default: COMPOSITE's "
        "transparency, which then shows what is foreground)",
    )
    add_output_options(parser, "COMPOSITE_harmonized")
    add_model_options(parser)
    add_mask_options(parser)
    parser.add_argument(
        "--labels", action="store_true", help="MASK holds labels: each value but 0 is an object of its own"
    )
    add_label_option(parser)
    add_reading_options(parser)
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, harmonize, write; the path written is the one line on stdout."""
    from ..imaging.masks import to_labels
    from ..inference.harmonizer import Harmonizer
    from ..inference.pipeline import harmonize_picture, mask_for, split_alpha

    _check(arguments)
    if _is_streamed(arguments):
        _stream(arguments)
        return
    inputs = [arguments.composite, *([arguments.mask] if arguments.mask else [])]
    with ThreadPoolExecutor(1) as pool:  # decoding keeps one core busy, and takes about as long
        opening = pool.submit(Harmonizer, arguments.model, **runtime(arguments))
        picture, *given = read_inputs(*inputs, **reading(arguments))
    options = options_of(arguments)
    if not given:
        picture, mask = split_alpha(picture, options)
    elif arguments.labels:
        mask = to_labels(given[0], picture.height, picture.width, resize=options.resize_mask)
    else:
        mask = mask_for(picture, given[0], options)
    name = arguments.output or beside(arguments.composite, picture.metadata.format, "harmonized")
    output = Output.prepare(name, picture, inputs, arguments)
    harmonizer = opening.result()
    with stoppable_bar("harmonizing") as progress:
        result = harmonize_picture(
            harmonizer, picture, mask, options, record=_record(arguments), progress=progress
        )
    output.write(result.image)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what makes no sense for a map of labels."""
    if arguments.labels and (arguments.invert_mask or arguments.grow or arguments.feather):
        raise PictureError("A map of labels is taken as it is; leave out what would change a mask.")
    if arguments.labels and not arguments.mask:
        raise PictureError("--labels needs the map of labels as a file of its own, after the composite.")


def _record(arguments: argparse.Namespace) -> bool | dict[str, object]:
    record = record_of(arguments, composite=arguments.composite, mask=arguments.mask)
    return {**record, "labels": True} if arguments.labels and isinstance(record, dict) else record


def _is_streamed(arguments: argparse.Namespace) -> bool:
    """Whether the picture is so large that it stays in its file."""
    from ..imaging.rows import read_header
    from ..inference.streaming import is_streamed

    composite = arguments.composite
    rereads = arguments.label or any(reading(arguments).values())
    changes = arguments.snap_mask or arguments.invert_mask or arguments.grow or arguments.feather
    if {"-", None} & {composite, arguments.mask} or arguments.labels or changes or rereads:
        return False
    name = arguments.output or beside(composite, read_header(composite).format, "harmonized")
    return is_streamed(composite, name)


def _stream(arguments: argparse.Namespace) -> None:
    from ..imaging.rows import open_picture
    from ..inference.harmonizer import Harmonizer

    composite, mask = arguments.composite, arguments.mask
    picture = open_picture(composite)
    name = arguments.output or beside(composite, picture.metadata.format, "harmonized")
    output = Output.prepare(name, picture, (composite, mask), arguments)
    harmonizer = Harmonizer(arguments.model, **runtime(arguments))
    with stoppable_bar("harmonizing", "bands") as progress:
        record = _record(arguments)
        harmonizer.to_file(
            composite,
            mask,
            name,
            strength=arguments.strength,
            apply_anyway=arguments.apply_anyway,
            record=record,
            progress=progress,
        )
    output.report()
