"""`cdtnet`: parse, run one verb, turn errors into a sentence and an exit code (0 done, 1 failed, 2 usage)."""

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any

from .._version import __version__
from ..errors import CdtnetError
from ..system.signals import terminated_as_interrupted
from .options import say
from .words import suggestion, understood

VERBS = {
    "harmonize": "recolour the foreground of one composite.",
    "app": "open a page to place, paint, harmonize and compare pictures on this machine.",
    "batch": "harmonize all pictures of a folder, archive, list or store, here or on a cluster.",
    "compose": "paste a cut-out onto a background and recolour it so that it belongs.",
    "video": "harmonize a film, steady from frame to frame, with its sound.",
    "lut": "write a composite's colour table for grading software, or apply one to a picture.",
    "demo": "harmonize the photo that ships with the package and show before and after.",
    "info": "versions, devices and weights that ship; or what a picture's record says (see --record).",
    "data": "look at a data set before anything is trained or evaluated on it.",
    "synthesize": "make a data set of composites from your own pictures.",
    "train": "train a network by a recipe; the same command resumes an interrupted run.",
    "reproduce": "train and evaluate a published experiment, and compare it with the paper's table.",
    "evaluate": "score models and classical methods on composites with known real images.",
    "study": "ask people which of two results looks more real, and score their answers.",
    "serve": "serve an HTTP API that harmonizes pictures; listens on this machine by default.",
    "convert": "convert a CDTNet or iSSAM checkpoint, or your own weights, to safetensors.",
    "export": "export a model as ONNX graphs for other runtimes.",
}


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
            # Python would try to write the rest of the buffer again at exit, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"The system reports: {error.strerror or error}.")
    except KeyboardInterrupt:
        return _fail("Interrupted; every file is as it was before, or complete.", code=130)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names that are no text are printed as they are
    given = sys.argv[1:] if argv is None else argv
    argv = understood(given, VERBS)
    parser = build_parser()
    if argv and not argv[0].startswith("-") and argv[0] not in VERBS:
        parser.error(f"there is no verb {argv[0]!r}; {suggestion(argv[0], VERBS)}")
    arguments, rest = parser.parse_known_args(argv)
    lists = [name for name in ("changes", "pictures") if name in arguments]
    if any(word.startswith("-") for word in rest) or (rest and not lists):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # argparse takes none of these after an option
        getattr(arguments, lists[0]).extend(rest)
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="cdtnet", description="Recolor a pasted foreground so that its colors match the picture."
    )
    parser.add_argument("--version", action="version", version=f"cdtnet {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, parser_class=_Verb)
    for name, summary in VERBS.items():
        verbs.add_parser(name, help=summary, description=summary).verb = name
    return parser


class _Verb(argparse.ArgumentParser):
    """A parser of one verb, which imports the verb's module when it is used."""

    verb = ""

    def complete(self) -> None:
        """Add the verb's arguments; a nested verb has got its own with the outer one."""
        if self.verb:
            module = import_module(f".{self.verb}", __package__)
            module.add_arguments(self)
            self.set_defaults(act=module.run)

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        """Parse, as every parser does."""
        self.complete()
        return super().parse_known_args(*arguments, **options)


def _fail(message: str, code: int = 1) -> int:
    say(f"cdtnet: {message}")
    return code


if __name__ == "__main__":
    sys.exit(main())
