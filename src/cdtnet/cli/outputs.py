"""The rule for outputs of all subcommands: inputs are only replaced on request."""

import argparse
from collections.abc import Iterable, Sequence
from itertools import combinations
from os import PathLike

from ..errors import WriteError
from ..system.atomic import check_target, is_same_file, leftovers_of, remove_leftovers


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add --overwrite, for subcommands whose output may replace an input."""
    parser.add_argument("--overwrite", action="store_true", help="allow the output to replace an input")


def prepare_output(
    output: str | PathLike[str], inputs: Iterable[str | PathLike[str]], *, overwrite: bool | None = None
) -> None:
    """Check, before any work is done, that a file may be written; remove temporary files of killed runs.

    Args:
        output: The name of the output.
        inputs: The names of inputs; some may not be files, such as - or the name of a shipped model.
        overwrite: Whether an input may be replaced; None if there is no such option.

    Raises:
        WriteError: The output is also an input, under any of its names, or cannot be written as a file.
    """
    check_target(output)
    if not overwrite and any(is_same_file(output, name) for name in inputs):
        allowed = "; give another name." if overwrite is None else "; add --overwrite if it may be replaced."
        raise WriteError(f"The output {output} is also an input{allowed}")
    remove_leftovers(leftovers_of(output))


def check_apart(outputs: Sequence[str | PathLike[str]]) -> None:
    """Refuse to write two outputs to the same file.

    Raises:
        WriteError: Two outputs are the same file.
    """
    if any(is_same_file(*pair) for pair in combinations(outputs, 2)):
        raise WriteError("Two of the outputs have the same name; give them different names.")
