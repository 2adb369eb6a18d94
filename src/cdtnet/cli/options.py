"""Options shared by several verbs, and the progress bar."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..config import PRECISIONS, Runtime
from ..system.progress import bar


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --model, --strength, and the options of `add_runtime_options`."""
    parser.add_argument(
        "--model",
        default="cdtnet-256",
        help="cdtnet-256, cdtnet-512, cdtnet-sim, is2am, or a weights file (default: %(default)s)",
    )
    parser.add_argument(
        "--strength",
        type=fraction,
        default=1.0,
        help="share of the change, from 0 (none) to 1 (all, default)",
    )
    add_runtime_options(parser)


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
        help="engine that computes (default: auto, which is openvino on a CPU and pytorch on a GPU)",
    )
    parser.add_argument(
        "--precision",
        default="auto",
        choices=("auto", *PRECISIONS),
        help="precision of the refinement (default: auto, the fastest that the depth of the picture allows)",
    )


def add_mask_options(parser: argparse.ArgumentParser, mask: str = "mask") -> None:
    """Add --apply-anyway, --resize-mask and --snap-mask for the given kind of mask."""
    add_apply_anyway(parser)
    parser.add_argument(
        "--resize-mask", action="store_true", help=f"accept a {mask} of another size, and resize it"
    )
    parser.add_argument(
        "--snap-mask", action="store_true", help=f"refine a rough {mask} to the object's edge first"
    )


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


def fraction(text: str) -> float:
    """Parse a number from 0 to 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def count(text: str) -> int:
    """Parse a whole number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


@contextmanager
def progress_bar(description: str, unit: str = "tiles") -> Iterator[Callable[[int, int], None]]:
    """Show a `bar`, and yield the function that updates it with done and total."""
    with bar(description=description, unit=unit) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield progress


def some(number: int, noun: str) -> str:
    """Format a number with its noun, such as "1,000 pictures"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextmanager
def stoppable_bar(description: str, unit: str = "tiles") -> Iterator[Callable[[int, int], None]]:
    """Show a `progress_bar` that Ctrl-C and SIGTERM end at the next step.

    Python raises KeyboardInterrupt anywhere, which could leave a lock between threads locked forever.
    """
    from ..system.signals import unbroken

    with unbroken() as signal, progress_bar(description, unit) as show:

        def progress(done: int, total: int) -> None:
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
