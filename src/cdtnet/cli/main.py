"""`cdtnet`: parse, run one verb, turn errors into a sentence and an exit code (0 done, 1 failed, 2 usage)."""

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper

from .._version import __version__
from ..errors import CdtnetError
from ..system.signals import terminated_as_interrupted
from . import (
    app,
    batch,
    compose,
    convert,
    data,
    demo,
    evaluate,
    export,
    harmonize,
    info,
    lut,
    serve,
    study,
    synthesize,
    train,
)
from .options import say

VERBS = (
    harmonize,
    app,
    batch,
    compose,
    lut,
    demo,
    info,
    data,
    synthesize,
    train,
    evaluate,
    study,
    serve,
    convert,
    export,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        with terminated_as_interrupted(), warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_: say(str(message))
            arguments = _parse(argv)
            arguments.act(arguments)
            sys.stdout.flush()
    except CdtnetError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("There is not enough memory for this picture.")
    except OSError as error:
        with contextlib.suppress(OSError):
            # What is left in the buffer would be tried again, and complained about, when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"The system reports: {error.strerror or error}.")
    except KeyboardInterrupt:
        return _fail("Interrupted; every file is as it was before, or whole.", code=130)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names that are no text are printed as they are
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if any(word.startswith("-") for word in rest) or (rest and "changes" not in arguments):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # argparse takes none of these after an option
        arguments.changes += rest
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="cdtnet", description="Recolour a pasted foreground so that it belongs to the picture."
    )
    parser.add_argument("--version", action="version", version=f"cdtnet {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        summary = (verb.__doc__ or "").split(": ", 1)[1].strip()
        name = verb.__name__.rsplit(".", 1)[1]
        subparser = verbs.add_parser(name, help=summary, description=summary)
        verb.add_arguments(subparser)
        subparser.set_defaults(act=verb.run)
    return parser


def _fail(message: str, code: int = 1) -> int:
    say(f"cdtnet: {message}")
    return code


if __name__ == "__main__":
    sys.exit(main())
