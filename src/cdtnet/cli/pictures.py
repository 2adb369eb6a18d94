"""Pictures as inputs and outputs of subcommands: files, pipes, default names."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PictureError
from ..imaging.formats import is_layered, result_format
from ..inference.controls import WORDS
from ..system.atomic import LONGEST_NAME, write_file
from ..system.signals import unbroken
from .options import count, say
from .outputs import add_overwrite, prepare_output

if TYPE_CHECKING:
    from ..imaging import Picture
    from ..imaging.layers import Stack
    from ..imaging.meaning import Label
    from ..inference.options import Options


def add_output_options(parser: argparse.ArgumentParser, default: str) -> None:
    """Add -o, --quality, --overwrite; `default` names the output in the help."""
    parser.add_argument(
        "-o",
        "--output",
        help=f"file to write, in the format of its suffix; - for stdout, as PNG (default: {default})",
    )
    add_quality_option(parser)
    add_overwrite(parser)


def add_quality_option(parser: argparse.ArgumentParser) -> None:
    """Add --quality."""
    parser.add_argument(
        "--quality",
        type=int,
        default=95,
        choices=range(1, 101),
        metavar="1-100",
        help="JPEG quality (default: 95)",
    )


def add_layer_options(parser: argparse.ArgumentParser) -> None:
    """Add --layer, --layers and --layer-name."""
    add = parser.add_argument
    add("--layer", metavar="FILE", help="write the harmonized foreground alone, too, with transparency")
    add(
        "--layers",
        action="store_true",
        help="write background, foreground and harmonized foreground as layers into a .tif; .psd and .ora "
        "always have them",
    )
    add(
        "--layer-name",
        metavar="NAME",
        help="of a PSD or OpenRaster file, the layer that is the foreground (default: the highest)",
    )


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add --page and the options of `add_color_options` for the picture to harmonize; see `reading`."""
    parser.add_argument(
        "--page", type=count, metavar="N", help="page of a TIFF, GIF or WebP file with several pictures"
    )
    add_color_options(parser)


def add_color_options(parser: argparse.ArgumentParser) -> None:
    """Add --color-space and --profile."""
    parser.add_argument(
        "--color-space",
        choices=("srgb", "linear"),
        help="color space of pixels without a profile; linear for floats of renderers (default: what the "
        "file declares, or srgb)",
    )
    parser.add_argument(
        "--profile",
        metavar="ICC",
        help="ICC profile for pixels without one, such as CMYK; the result then contains it",
    )


def add_label_option(parser: argparse.ArgumentParser) -> None:
    """Add --label."""
    parser.add_argument(
        "--label",
        type=_label,
        action="append",
        default=[],
        metavar="L",
        help="foreground label of a mask that is a label map: a number, or a color such as '#800000'; may be "
        "repeated (default: every label)",
    )


def _label(text: str) -> Label:
    """Parse a label, for argparse."""
    from ..imaging.meaning import parse_label

    try:
        return parse_label(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number nor a color such as #800000"
        ) from None


def reading(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the values of `add_reading_options` for `read_picture`."""
    return {name: getattr(arguments, name) for name in ("page", "color_space", "profile")}


def read_inputs(*names: str, chosen: int = 0, **how: Any) -> list[Picture]:
    """Read files; one of them may be -, for stdin.

    Args:
        names: The names of the files.
        chosen: The index of the picture to be harmonized.
        how: How to read that one; see `read_picture`.

    Raises:
        PictureError: Two names are -, or a file cannot be read.
    """
    from ..imaging import read_picture

    check_pipes(names)
    sources = [sys.stdin.buffer.read() if name == "-" else name for name in names]
    with unbroken():
        return [
            read_picture(source, **(how if place == chosen else {})) for place, source in enumerate(sources)
        ]


def check_pipes(names: Sequence[str]) -> None:
    """Refuse to read two inputs from stdin.

    Raises:
        PictureError: Two names are -.
    """
    if names.count("-") > 1:
        raise PictureError("Only one of the inputs can come from stdin.")


def beside(source: str, kind: str | None, change: str) -> str:
    """Return a default output: the source's name with `_change`, in its format; - for -.

    Read-only formats become PNG; layered formats are kept.

    Raises:
        PictureError: The name would be too long for file systems.
    """
    if source == "-":
        return "-"
    path = Path(source)
    format_ = result_format(kind)
    same = is_layered(path) or path.suffix.lower() in format_.suffixes
    suffix = path.suffix if same else format_.suffix
    name = f"{path.stem}_{change}{suffix}"
    if len(os.fsencode(name)) > LONGEST_NAME >= len(os.fsencode(path.name)):
        raise PictureError(
            f"The name of {source} is too long to add _{change}; give the name of the result with -o."
        )
    return str(path.with_name(name))


@dataclass(frozen=True)
class Output:
    """A file or pipe that was checked to be writable before any work is done.

    Attributes:
        name: The name.
        encoding: A description of the encoding.
        quality: The quality of lossy formats.
        layered: Whether layers are written.
    """

    name: str
    encoding: str
    quality: int
    layered: bool = False

    @classmethod
    def prepare(
        cls, name: str, picture: Picture, inputs: Sequence[str], arguments: argparse.Namespace
    ) -> Output:
        """Check the name for a picture of the given kind.

        Raises:
            PictureError: The format cannot hold the picture.
            WriteError: The output would replace an input without --overwrite, or cannot be a file.
        """
        from ..imaging import describe_encoding
        from ..imaging.layered import check_layers

        quality = arguments.quality
        layered = is_layered(name) or getattr(arguments, "layers", False)
        if layered:
            encoding = check_layers(picture, name)
        else:
            encoding = describe_encoding(picture, "out.png" if name == "-" else name, quality=quality)
        if name != "-":
            prepare_output(name, [*inputs, arguments.model], overwrite=arguments.overwrite)
        return cls(name, encoding, quality, layered)

    @classmethod
    def prepare_layer(
        cls, picture: Picture, inputs: Sequence[str], arguments: argparse.Namespace
    ) -> Output | None:
        """Check the name of --layer, if it is given; its format must support transparency."""
        if arguments.layer is None:
            return None
        from ..imaging import describe_encoding
        from ..imaging.layers import blank_layer

        encoding = describe_encoding(blank_layer(picture), arguments.layer, quality=arguments.quality)
        prepare_output(arguments.layer, [*inputs, arguments.model], overwrite=arguments.overwrite)
        return cls(arguments.layer, encoding, arguments.quality)

    def write(self, picture: Picture, stack: Callable[[], Stack] | None = None) -> None:
        """Write the picture; print the written path to stdout.

        Args:
            picture: The picture.
            stack: Makes its layers, which are written instead if they are requested.
        """
        if self.layered and stack:
            from ..imaging.layered import encode_layers

            write_file(self.name, encode_layers(stack(), Path(self.name).suffix))
            self.report()
            return
        if self.name == "-":
            sys.stdout.buffer.write(_encode(picture, ".png", self.quality))
            return
        save(picture, self.name, self.quality)
        self.report()

    def report(self) -> None:
        """Print how the file was written."""
        say(f"Written as {self.encoding}.")
        print(self.name)


def save(picture: Picture, name: str, quality: int) -> None:
    """Write a picture; the bytes equal those of its own `save`."""
    write_file(name, _encode(picture, Path(name).suffix, quality))


def _encode(picture: Picture, suffix: str, quality: int) -> bytes:
    from ..imaging import encode_picture

    with unbroken():
        return encode_picture(picture, suffix, quality=quality)


def options_of(arguments: argparse.Namespace) -> Options:
    """Collect the options for harmonizing and writing a picture."""
    from ..inference.options import Options

    mask = "resize_mask", "snap_mask", "invert_mask", "grow", "feather"
    names = (*WORDS, *mask, "quality", "apply_anyway", "color_space", "profile")
    words = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    return Options().but(labels=tuple(getattr(arguments, "label", ())), **words)


def record_of(arguments: argparse.Namespace, **names: str | None) -> bool | dict[str, object]:
    """Return the files of a subcommand for a record, by role; False for no record."""
    from ..inference.provenance import identity

    if not arguments.record:
        return False
    chosen = {name: getattr(arguments, name, None) for name in ("label", "page", "color_space", "layer_name")}
    chosen = {name: value for name, value in chosen.items() if value}
    names["profile"] = getattr(arguments, "profile", None)
    files = {part: identity(name) for part, name in names.items() if name not in (None, "-")}
    return {"resize_mask": arguments.resize_mask, "quality": arguments.quality, **chosen, **files}
