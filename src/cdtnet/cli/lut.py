"""`cdtnet lut`: write the lookup table of a composite or of each shot of a video, or apply one."""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

from ..errors import PictureError
from ..inference.controls import Controls
from .options import add_apply_anyway, add_control_options, add_model_options, runtime, say, stoppable_bar
from .outputs import prepare_output
from .pictures import (
    Output,
    add_output_options,
    add_reading_options,
    beside,
    options_of,
    read_inputs,
    reading,
)

FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mxf", ".ts", ".mts", ".m2ts", ".mpg", ".wmv")
"""The suffixes of video files."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "picture",
        metavar="COMPOSITE",
        help="picture with a pasted foreground, or any picture with --apply; - for stdin; or a video, for a "
        "table of each shot",
    )
    parser.add_argument(
        "mask",
        metavar="MASK",
        nargs="?",
        help="mask of the same size, white = foreground; with --apply the part to recolor (default: all)",
    )
    parser.add_argument("--apply", metavar="TABLE", help="recolor the picture with this .cube file")
    add_output_options(parser, "COMPOSITE.cube, or COMPOSITE_recolored with --apply")
    parser.add_argument(
        "--size",
        type=int,
        choices=range(2, 257),
        metavar="2-256",
        help="points per axis of the table, such as 17, 33 or 65 (default: 33, the network's)",
    )
    parser.add_argument(
        "--fit",
        action="store_true",
        help="fit the table to the harmonized foreground, and print its error, instead of writing the table "
        "of the network",
    )
    add_model_options(parser)
    add_control_options(parser)
    add_reading_options(parser)
    parser.set_defaults(model="cdtnet-sim")  # its table is its whole result
    parser.add_argument("--resize-mask", action="store_true", help="accept a mask of another size")
    add_apply_anyway(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write a table or a picture; print the written path to stdout."""
    if arguments.apply is None:
        _write_table(arguments)
    elif arguments.apply_anyway:
        raise PictureError("A table is applied unchanged; leave out --apply-anyway or --apply.")
    else:
        _apply_table(arguments)


def _write_table(arguments: argparse.Namespace) -> None:
    from ..imaging.cube import check_name
    from ..inference.harmonizer import Harmonizer
    from ..inference.pipeline import table_for

    if arguments.mask is None:
        raise PictureError("A table is computed for a foreground; give its mask after the composite.")
    if _is_film(arguments.picture):
        _write_tables_of_shots(arguments)
        return
    inputs = [arguments.picture, arguments.mask]
    picture, mask = read_inputs(*inputs, **reading(arguments))
    name = arguments.output or _table_of(arguments.picture)
    if name != "-":
        check_name(name)
        prepare_output(name, [*inputs, arguments.model], overwrite=arguments.overwrite)
    harmonizer, options = Harmonizer(arguments.model, **runtime(arguments)), options_of(arguments)
    lut = table_for(harmonizer, picture, mask, options, fit=arguments.fit)
    if lut is None and arguments.fit:
        raise PictureError("The mask is black, so no table can be fitted; paint the pasted object white.")
    if lut is None:
        raise PictureError(
            f"There is no table: the model {arguments.model} has none, or the mask is black; "
            "use cdtnet-sim or cdtnet-256, and paint the pasted object white."
        )
    lut = lut.resized(arguments.size or lut.size)
    if name == "-":
        sys.stdout.buffer.write(lut.encode())
    else:
        lut.save(name)
        if lut.note:
            say(lut.note)
        print(name)


def _is_film(name: str) -> bool:
    """Check whether a name is that of a video file or of a sequence such as "shot.%04d.png"."""
    if "%" not in name or Path(name).exists():
        return Path(name).suffix.lower() in FILMS
    from ..video.stills import is_sequence

    return is_sequence(name) or Path(name).suffix.lower() in FILMS


def _write_tables_of_shots(arguments: argparse.Namespace) -> None:
    """Write a table for each shot of a video."""
    from ..imaging.cube import check_name
    from ..inference.harmonizer import Harmonizer
    from ..video.harmonizing import find_shots
    from .video import write_cubes

    if arguments.fit or any(value is not None for value in reading(arguments).values()):
        raise PictureError("--fit, --page, --color-space and --profile are for pictures; leave them out.")
    name = arguments.output or _table_of(re.sub(r"[._-]?%\d*d", "", arguments.picture))
    check_name(name)
    prepare_output(name, [arguments.picture, arguments.mask, arguments.model], overwrite=arguments.overwrite)
    harmonizer, options = Harmonizer(arguments.model, **runtime(arguments)), options_of(arguments)
    with stoppable_bar("analyzing", "frames") as progress:
        shots = find_shots(arguments.picture, arguments.mask, options, model=harmonizer, progress=progress)
    write_cubes(Path(name), shots, arguments.size)


def _table_of(composite: str) -> str:
    """Return the default name: the composite's with .cube, or - for stdin."""
    return composite if composite == "-" else str(Path(composite).with_suffix(".cube"))


def _apply_table(arguments: argparse.Namespace) -> None:
    from ..imaging import Lut

    inputs = [arguments.picture, *([arguments.mask] if arguments.mask else [])]
    if arguments.fit:
        raise PictureError("A table is applied unchanged; leave out --fit or --apply.")
    if replace(options_of(arguments).controls, strength=1.0) != Controls():
        raise PictureError("A table has no control except --strength; leave out the others, or --apply.")
    lut = Lut.load(arguments.apply)
    picture, *masks = read_inputs(*inputs, **reading(arguments))
    name = arguments.output or beside(arguments.picture, picture.metadata.format, "recolored")
    output = Output.prepare(name, picture, [*inputs, arguments.apply], arguments)
    with stoppable_bar("recoloring") as progress:
        image = lut.recolor(
            picture,
            masks[0] if masks else None,
            strength=arguments.strength,
            resize_mask=arguments.resize_mask,
            progress=progress,
        )
    output.write(image)
