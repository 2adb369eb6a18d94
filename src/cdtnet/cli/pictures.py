"""Pictures in and out of a verb: files, pipes, default names; nothing replaced unasked."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PictureError
from ..system.atomic import LONGEST_NAME, write_file
from ..system.signals import unbroken
from .options import say
from .outputs import add_overwrite, prepare_output

if TYPE_CHECKING:
    from ..imaging import Picture
    from ..inference.options import Options


def add_output_options(parser: argparse.ArgumentParser, default: str) -> None:
    """-o, --quality, --overwrite; `default` says what the output is called where nothing is."""
    parser.add_argument(
        "-o",
        "--output",
        help=f"where to write, in the suffix's format; - for stdout, as PNG (default: {default})",
    )
    parser.add_argument(
        "--quality", type=int, default=95, choices=range(1, 101), metavar="1-100", help="of a JPEG"
    )
    add_overwrite(parser)


def read_inputs(*names: str) -> list[Picture]:
    """Read files; one of them may be -, for stdin.

    Raises:
        PictureError: Two are -, or one cannot be read.
    """
    from ..imaging import read_picture

    if names.count("-") > 1:
        raise PictureError("Only one of the inputs can come from stdin.")
    sources = [sys.stdin.buffer.read() if name == "-" else name for name in names]
    with unbroken():
        return [read_picture(source) for source in sources]


def beside(source: str, kind: str | None, change: str) -> str:
    """A default output: the source's name with `_change`, in the format that it has; - for -.

    Formats that are only read become PNG.

    Raises:
        PictureError: The name would be longer than file systems take.
    """
    from ..imaging.formats import result_format

    if source == "-":
        return "-"
    path = Path(source)
    format_ = result_format(kind)
    suffix = path.suffix if path.suffix.lower() in format_.suffixes else format_.suffix
    name = f"{path.stem}_{change}{suffix}"
    if len(os.fsencode(name)) > LONGEST_NAME >= len(os.fsencode(path.name)):
        raise PictureError(
            f"The name of {source} is too long for _{change} to be added; say with -o what the result is "
            "to be called."
        )
    return str(path.with_name(name))


@dataclass(frozen=True)
class Output:
    """A file, or -, that can be written: found out before any work is done.

    Attributes:
        name: its name.
        encoding: how it will be written, in words.
        quality: of a JPEG.
    """

    name: str
    encoding: str
    quality: int

    @classmethod
    def prepare(
        cls, name: str, picture: Picture, inputs: Sequence[str], arguments: argparse.Namespace
    ) -> Output:
        """Check the name for a picture of that kind.

        Raises:
            PictureError: The format cannot hold the picture.
            WriteError: The output would replace an input unasked, or cannot be a file.
        """
        from ..imaging import describe_encoding

        quality = arguments.quality
        encoding = describe_encoding(picture, "out.png" if name == "-" else name, quality=quality)
        if name != "-":
            prepare_output(name, [*inputs, arguments.model], overwrite=arguments.overwrite)
        return cls(name, encoding, quality)

    def write(self, picture: Picture) -> None:
        """Write the picture; the path written is the one line on stdout."""
        if self.name == "-":
            sys.stdout.buffer.write(_encode(picture, ".png", self.quality))
            return
        save(picture, self.name, self.quality)
        self.report()

    def report(self) -> None:
        """Say that the file is written."""
        say(f"Written as {self.encoding}.")
        print(self.name)


def save(picture: Picture, name: str, quality: int) -> None:
    """Write a picture; the bytes are those of its own `save`."""
    write_file(name, _encode(picture, Path(name).suffix, quality))


def _encode(picture: Picture, suffix: str, quality: int) -> bytes:
    from ..imaging import encode_picture

    with unbroken():
        return encode_picture(picture, suffix, quality=quality)


def options_of(arguments: argparse.Namespace) -> Options:
    """How to harmonize and write a picture, of what `add_model_options` and `add_output_options` add."""
    from ..inference.options import Options

    return Options(arguments.strength, arguments.resize_mask, arguments.quality)


def record_of(arguments: argparse.Namespace, **names: str | None) -> bool | dict[str, object]:
    """What a record says of a verb's files, by the parts they play, and of their use; False for none."""
    from ..inference.provenance import identity

    if not arguments.record:
        return False
    files = {part: identity(name) for part, name in names.items() if name not in (None, "-")}
    return {"resize_mask": arguments.resize_mask, "quality": arguments.quality, **files}
