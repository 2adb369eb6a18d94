"""`cdtnet`: parse, run a subcommand, turn errors into messages and exit codes (0 done, 1 failed, 2 usage)."""

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

COMMANDS = {
    "harmonize": "recolor the foreground of one composite.",
    "app": "open a page in the browser to place, paint, harmonize and compare pictures.",
    "batch": "harmonize all pictures of a folder, archive, pattern or store, on this machine or a cluster.",
    "compose": "paste cut-outs onto backgrounds and harmonize them.",
    "video": "harmonize a video without flicker, and keep its sound.",
    "lut": "write the lookup table of a composite for grading software, or apply one to a picture.",
    "demo": "harmonize the example photo of the package, and write before and after side by side.",
    "info": "print versions, devices and models, or the record of a picture (see --record).",
    "data": "check a data set before training or evaluation.",
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
    """Run the command line, and return the exit code."""
    # When rembg is first imported, it would compile its matting, which is not used, for a minute.
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    try:
        with terminated_as_interrupted(), warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *_: say(_with_flags(message))
            arguments = _parse(argv)
            arguments.act(arguments)
            sys.stdout.flush()
    except CdtnetError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("There is not enough memory for this picture.")
    except OSError as error:
        with contextlib.suppress(OSError):
            # Python would try to write the rest of the buffer again at exit, and print an error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"The operating system reports: {error.strerror or error}.")
    except KeyboardInterrupt:
        return _fail("Interrupted; every file is unchanged or complete.", code=130)
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # print file names that are not valid text unchanged
    given = sys.argv[1:] if argv is None else argv
    argv = understood(given, COMMANDS)
    parser = build_parser()
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        parser.error(f"there is no command {argv[0]!r}; {suggestion(argv[0], COMMANDS)}")
    arguments, rest = parser.parse_known_args(argv)
    lists = [name for name in ("changes", "pictures") if name in arguments]
    if any(word.startswith("-") for word in rest) or (rest and not lists):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # argparse accepts none of these after an option
        getattr(arguments, lists[0]).extend(rest)
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="cdtnet", description="Recolor a pasted foreground so that its colors match the picture."
    )
    parser.add_argument("--version", action="version", version=f"cdtnet {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=_CommandParser
    )
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary, description=summary).command = name
    return parser


class _CommandParser(argparse.ArgumentParser):
    """The parser of a subcommand, which imports its module when it is used."""

    command = ""

    def complete(self) -> None:
        """Add the arguments; nested subcommands get theirs with the outer one."""
        if self.command:
            module = import_module(f".{self.command}", __package__)
            module.add_arguments(self)
            self.set_defaults(act=module.run)

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        """Parse, after adding the arguments."""
        self.complete()
        return super().parse_known_args(*arguments, **options)


def _with_flags(warning: Warning | str) -> str:
    """Return a warning with the flags that help."""
    from ..inference.remarks import helps_of

    helps = helps_of(warning.args[0]) if isinstance(warning, Warning) and warning.args else ()
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in helps)
    return f"{warning} ({flags})" if flags else str(warning)


def _fail(message: str, code: int = 1) -> int:
    say(f"cdtnet: {message}")
    return code


if __name__ == "__main__":
    sys.exit(main())
