"""`cdtnet harmonize`: recolor the foreground of one composite."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import PictureError
from ..imaging.formats import is_layered
from ..system.machine import trim_memory
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
    add_label_option,
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
    from ..imaging.composition import Layer
    from ..imaging.layers import Stack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "composite", metavar="COMPOSITE", help="picture with a pasted foreground, or - for stdin"
    )
    parser.add_argument(
        "mask",
        metavar="MASK",
        nargs="?",
        help="mask of the same size; white = foreground, gray = soft edge (default: COMPOSITE's "
        "transparency, or the highest layer of COMPOSITE.psd or .ora)",
    )
    add_output_options(parser, "COMPOSITE_harmonized")
    add_model_options(parser)
    add_control_options(parser)
    add_mask_options(parser)
    parser.add_argument(
        "--labels", action="store_true", help="MASK is a label map: each value except 0 is an object"
    )
    add_label_option(parser)
    add_reading_options(parser)
    add_layer_options(parser)
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, harmonize and write; print the written path to stdout."""
    _check(arguments)
    if _is_streamed(arguments):
        _stream(arguments)
        return
    output, image, stack = _harmonized(arguments)
    trim_memory()  # release unused memory, because encoding needs as much again
    output.write(image, stack)


def _harmonized(arguments: argparse.Namespace) -> tuple[Output, Picture, Callable[[], Stack] | None]:
    """Read and harmonize.

    Returns:
        The output, the picture, and a function that makes its layers if they are requested.
    """
    from ..inference.harmonizer import Harmonizer
    from ..inference.pipeline import harmonize_picture, layers_of

    inputs = [name for name in (arguments.composite, arguments.mask) if name is not None]
    with ThreadPoolExecutor(1) as pool:  # loading the model and decoding take about as long, on one core each
        opening = pool.submit(Harmonizer, arguments.model, **runtime(arguments))
        source = _read(arguments)
    picture = source.picture
    name = arguments.output or beside(arguments.composite, picture.metadata.format, "harmonized")
    output = Output.prepare(name, picture, inputs, arguments)
    alone = Output.prepare_layer(picture, inputs, arguments)
    check_apart([each for each in (name, arguments.layer) if each is not None])
    harmonizer = opening.result()
    with stoppable_bar("harmonizing") as progress:
        result = harmonize_picture(
            harmonizer,
            picture,
            source.mask,
            options_of(arguments),
            layer=source.layer,
            keep=output.layered or alone is not None,
            record=_record(arguments),
            progress=progress,
        )
    if alone:
        save(result.layer, alone.name, alone.quality)
    layers = partial(layers_of, result, source.background, source.layer)
    return output, result.image, layers if output.layered else None


class _Source(NamedTuple):
    """The inputs of harmonizing; some exist only for layered files."""

    picture: Picture
    mask: Any
    layer: Layer | None = None
    background: Picture | None = None


def _read(arguments: argparse.Namespace) -> _Source:
    from ..imaging.composition import compose
    from ..imaging.layered import read_layers
    from ..imaging.masks import to_labels
    from ..inference.pipeline import mask_for, split_alpha

    options = options_of(arguments)
    if arguments.mask is None and not is_layered(arguments.composite):
        (cut,) = read_inputs(arguments.composite, **reading(arguments))
        return _Source(*split_alpha(cut, options))
    if arguments.mask is None:
        foreground, background = read_layers(arguments.composite, arguments.layer_name)
        made = compose(foreground, background, at=(0, 0))
        return _Source(made.composite, made.mask, made.layer, background)
    picture, given = read_inputs(arguments.composite, arguments.mask, **reading(arguments))
    if arguments.labels:
        return _Source(picture, to_labels(given, picture.height, picture.width, resize=arguments.resize_mask))
    return _Source(picture, mask_for(picture, given, options))


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options that contradict the mask."""
    layered = arguments.mask is None and is_layered(arguments.composite)
    changes = options_of(arguments).changes_mask
    if arguments.layer_name and not layered:
        raise PictureError(
            "A layer is only selected if there is no mask; leave out --layer-name, or the mask."
        )
    if layered and (changes or arguments.labels or arguments.label or any(reading(arguments).values())):
        raise PictureError("A layer is its own mask; leave out the options for masks and pages.")
    if arguments.labels and options_of(arguments).edge:
        raise PictureError("A label map is not changed; leave out the options that change a mask.")
    if arguments.labels and arguments.mask is None:
        raise PictureError("--labels needs the label map as a separate file, after the composite.")


def _record(arguments: argparse.Namespace) -> bool | dict[str, object]:
    record = record_of(arguments, composite=arguments.composite, mask=arguments.mask)
    return {**record, "labels": True} if arguments.labels and isinstance(record, dict) else record


def _is_streamed(arguments: argparse.Namespace) -> bool:
    """Check whether the picture is too large for memory, so that it is streamed."""
    from ..imaging.rows import read_header
    from ..inference.streaming import is_streamed

    composite = arguments.composite
    rereads = arguments.label or arguments.layer or arguments.layers or any(reading(arguments).values())
    rereads = rereads or options_of(arguments).changes_mask
    if {"-", None} & {composite, arguments.mask} or arguments.labels or rereads:
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
        options, record = options_of(arguments), _record(arguments)
        harmonizer.to_file(composite, mask, name, options, record=record, progress=progress)
    output.report()
