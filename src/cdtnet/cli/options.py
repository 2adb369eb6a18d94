"""Options shared by several subcommands, and the progress bar."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from typing import Any

from ..config import PRECISIONS, Runtime
from ..inference.controls import Controls
from ..system.progress import bar
from ..system.signals import unbroken


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --strength, and the options of `add_runtime_options`."""
    parser.add_argument(
        "--model",
        default="cdtnet-256",
        help="cdtnet-256, cdtnet-512, cdtnet-sim, is2am, or a weights file (default: %(default)s)",
    )
    _add_control(parser, fields(Controls)[0])
    add_runtime_options(parser)


def add_control_options(parser: argparse.ArgumentParser) -> None:
    """Add the fields of `Controls`, except for --strength, which `add_model_options` adds."""
    for control in fields(Controls)[1:]:
        _add_control(parser, control)


def _add_control(parser: argparse.ArgumentParser, control: Field[Any]) -> None:
    flag, meaning = f"--{control.name.replace('_', '-')}", control.metadata["meaning"]
    if "least" not in control.metadata:
        parser.add_argument(flag, action="store_true", help=meaning)
        return
    least, most = control.metadata["least"], control.metadata["most"]
    parser.add_argument(
        flag,
        type=number(least, most),
        default=control.default,
        metavar="N",
        help=f"{meaning}; {least} to {most} (default: {control.default:g})",
    )


def add_runtime_options(parser: argparse.ArgumentParser) -> None:
    """Add --device, --engine, --precision, which `runtime` returns."""
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, mps or another PyTorch device (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        default="auto",
        choices=("auto", "openvino", "pytorch"),
        help="engine (default: auto, which is openvino on a CPU and pytorch on a GPU)",
    )
    parser.add_argument(
        "--precision",
        default="auto",
        choices=("auto", *PRECISIONS),
        help="precision of the refinement (default: auto, the fastest that the depth of the picture allows)",
    )


def add_mask_options(parser: argparse.ArgumentParser) -> None:
    """Add --apply-anyway and the options that change the mask."""
    add_apply_anyway(parser)
    parser.add_argument(
        "--resize-mask", action="store_true", help="accept a mask of another size, and resize it"
    )
    parser.add_argument(
        "--snap-mask", action="store_true", help="refine a rough mask to the object's edge first"
    )
    parser.add_argument(
        "--invert-mask", action="store_true", help="invert a mask that is white where the background is"
    )
    width = parser.add_mutually_exclusive_group()
    width.add_argument("--grow", type=count, default=0, metavar="PX", help="make the mask wider by PX pixels")
    width.add_argument(
        "--shrink",
        type=lambda text: -count(text),
        dest="grow",
        metavar="PX",
        help="make the mask narrower by PX pixels",
    )
    parser.add_argument(
        "--feather", type=float, default=0.0, metavar="PX", help="soften the mask's edge over PX pixels"
    )


def add_cut_out_option(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add --cut-out, which `finder_of` returns."""
    parser.add_argument(
        "--cut-out",
        nargs="?",
        const=True,
        metavar="NETWORK",
        help=f"{purpose} by rembg, which downloads the network's weights at first use (default: "
        "isnet-general-use)",
    )


def finder_of(arguments: argparse.Namespace) -> str:
    """Return the network of rembg that --cut-out names, or the default."""
    from ..imaging.cutting import FINDER

    return arguments.cut_out if isinstance(arguments.cut_out, str) else FINDER


def add_apply_anyway(parser: argparse.ArgumentParser) -> None:
    """Add --apply-anyway."""
    parser.add_argument(
        "--apply-anyway",
        action="store_true",
        help="apply the whole change even where the analysis is uncertain",
    )


def add_page_options(parser: argparse.ArgumentParser, port: int) -> None:
    """Add --host, --port and --name of a page with this default port."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=port, help="port, or 0 for any free one (default: %(default)s)")
    add(
        "--name",
        action="append",
        default=[],
        help="host name of the page, besides localhost and IP addresses; may be repeated",
    )


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """Add --record."""
    parser.add_argument(
        "--record",
        action="store_true",
        help="store in the picture's XMP how it was made: versions, weights, settings, SHA-256 of the files; "
        "`cdtnet info FILE` prints it",
    )


def runtime(arguments: argparse.Namespace) -> Runtime:
    """Return the values of `add_runtime_options` for `Harmonizer`."""
    return {"device": arguments.device, "engine": arguments.engine, "precision": arguments.precision}


def number(least: float, most: float) -> Callable[[str], float]:
    """Return a parser of numbers or percentages within a range, for argparse."""

    def parse(text: str) -> float:
        try:
            value = amount(text)
        except ValueError:
            value = least - 1
        if most < value <= 100 * most and "%" not in text:
            raise argparse.ArgumentTypeError(
                f"{text} is more than {most:g}; for {text} percent write {text}%"
            )
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number between {least} and {most}")
        return value

    return parse


def amount(text: str) -> float:
    """Parse a decimal number or a percentage: 0.7, 70% and 70 % are the same.

    Raises:
        ValueError: The text is neither.
    """
    number = text.strip()
    return float(number[:-1]) / 100 if number.endswith("%") else float(number)


def count(text: str) -> int:
    """Parse a positive integer, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


@contextmanager
def progress_bar(
    description: str, unit: str = "tiles", *, delay: float = 1.0
) -> Iterator[Callable[[int, int | None], None]]:
    """Show a `bar` after `delay` seconds, and yield the function that updates it with done and total."""
    with bar(description=description, unit=unit, delay=delay) as shown:

        def progress(done: int, total: int | None) -> None:
            shown.total = total
            shown.update(done - shown.n)
            if not done and not delay:
                shown.refresh()

        yield progress


def some(number: int, noun: str) -> str:
    """Format a number with its noun, such as "1,000 pictures"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextmanager
def stoppable_bar(description: str, unit: str = "tiles") -> Iterator[Callable[[int, int | None], None]]:
    """Show a `progress_bar` that Ctrl-C and SIGTERM end at the next step.

    Python may raise KeyboardInterrupt anywhere, which could leave a lock that other threads need locked.
    """
    with unbroken() as signal, progress_bar(description, unit) as show:

        def progress(done: int, total: int | None) -> None:
            if signal.received:
                raise KeyboardInterrupt
            show(done, total)

        yield progress


def say(message: str) -> None:
    """Print a message to stderr; stdout is for results."""
    print(printable(message), file=sys.stderr)


def printable(message: str) -> str:
    """Escape line breaks, direction marks and control characters, so that a message is one line.

    Names and contents of files may contain anything.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
