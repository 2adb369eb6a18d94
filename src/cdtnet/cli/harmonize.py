"""`cdtnet harmonize`: recolour the foreground of one composite."""

import argparse
import sys
from pathlib import Path

from ..atomic import check_target
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
    from ..imaging import describe_encoding, encode_picture, read_picture, to_mask

    if arguments.composite == arguments.mask == "-":
        raise PictureError("Only one of composite and mask can come from stdin.")
    picture = read_picture(_source(arguments.composite))
    mask = to_mask(_source(arguments.mask), picture.height, picture.width, resize=arguments.resize_mask)
    output = arguments.output or _beside(arguments.composite, picture.metadata.format)
    encoding = describe_encoding(picture, "out.png" if output == "-" else output, quality=arguments.quality)
    if output != "-":
        _refuse_inputs(output, arguments)
        check_target(output)
    harmonizer = Harmonizer(arguments.model, arguments.device)
    with progress_bar("harmonizing") as progress:
        image = harmonizer(picture, mask, strength=arguments.strength, progress=progress).image
    if output == "-":
        sys.stdout.buffer.write(encode_picture(image, ".png"))
        return
    image.save(output, quality=arguments.quality)
    say(f"Written as {encoding}.")
    print(output)


def _source(argument: str) -> str | bytes:
    return sys.stdin.buffer.read() if argument == "-" else argument


def _beside(composite: str, kind: str | None) -> str:
    """The default output: the composite's name with `_harmonized`, in the format that it has."""
    from ..imaging.write import FORMATS

    if composite == "-":
        return "-"
    path = Path(composite)
    suffixes = [suffix for suffix, format_ in FORMATS.items() if format_ == kind]
    suffix = path.suffix if path.suffix.lower() in suffixes else suffixes[0]
    return str(path.with_name(f"{path.stem}_harmonized{suffix}"))


def _refuse_inputs(output: str, arguments: argparse.Namespace) -> None:
    """Don't replace an input without being told to."""
    for source in (arguments.composite, arguments.mask):
        if not arguments.overwrite and Path(output).resolve() == Path(source).resolve():
            raise PictureError(
                f"The output {output} is also an input; add --overwrite if it may be replaced."
            )
