"""`cdtnet harmonize`: recolour the foreground of one composite."""

import argparse
import sys
from pathlib import Path

from ..errors import PictureError
from .options import add_model_options, progress_bar, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "composite", metavar="COMPOSITE", help="picture with a pasted foreground, or - for stdin"
    )
    parser.add_argument(
        "mask", metavar="MASK", help="mask of the same size; white = foreground, grey = soft edge"
    )
    parser.add_argument(
        "-o",
        "--output",
        help="where to write, in the suffix's format; - for stdout, as PNG (default: COMPOSITE_harmonized)",
    )
    add_model_options(parser)
    parser.add_argument("--resize-mask", action="store_true", help="accept a mask of another size")
    parser.add_argument(
        "--quality", type=int, default=95, choices=range(1, 101), metavar="1-100", help="of a JPEG"
    )
    parser.add_argument("--overwrite", action="store_true", help="allow the output to replace an input")


def run(arguments: argparse.Namespace) -> None:
    """Read, harmonize, write; the path written is the one line on stdout."""
    from ..harmonizer import Harmonizer
    from ..imaging import describe, describe_encoding, encode_picture, read_picture, to_mask

    output = _output(arguments)
    picture = read_picture(_source(arguments.composite))
    mask = to_mask(_source(arguments.mask), picture.height, picture.width, resize=arguments.resize_mask)
    if remark := describe(mask):
        say(remark)
    encoding = "PNG" if output == "-" else describe_encoding(picture, output, quality=arguments.quality)
    harmonizer = Harmonizer(arguments.model, arguments.device)
    with progress_bar("harmonizing") as progress:
        image = harmonizer(picture, mask, strength=arguments.strength, progress=progress).image
    if output == "-":
        sys.stdout.buffer.write(encode_picture(image, ".png"))
        sys.stdout.flush()
        return
    image.save(output, quality=arguments.quality)
    say(f"Written as {encoding}.")
    print(output)


def _source(argument: str) -> str | bytes:
    return sys.stdin.buffer.read() if argument == "-" else argument


def _output(arguments: argparse.Namespace) -> str:
    """Where to write; decided, and refused if it must be, before any work is done."""
    if arguments.composite == arguments.mask == "-":
        raise PictureError("Only one of composite and mask can come from stdin.")
    if arguments.output is None and arguments.composite == "-":
        return "-"
    composite = Path(arguments.composite)
    output = arguments.output or str(composite.with_stem(composite.stem + "_harmonized"))
    if output == "-":
        return output
    for source in (arguments.composite, arguments.mask):
        if not arguments.overwrite and Path(output).resolve() == Path(source).resolve():
            raise PictureError(
                f"The output {output} is also an input; add --overwrite if it may be replaced."
            )
    return output
