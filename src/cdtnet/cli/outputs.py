"""The rule for outputs of all verbs: no input is replaced unless asked."""

import argparse
from collections.abc import Iterable, Sequence
from itertools import combinations
from os import PathLike

from ..errors import WriteError
from ..system.atomic import check_target, is_same_file, leftovers_of, remove_leftovers


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add --overwrite, for verbs whose output may replace an input."""
    parser.add_argument("--overwrite", action="store_true", help="allow the output to replace an input")


def prepare_output(
    output: str | PathLike[str], inputs: Iterable[str | PathLike[str]], *, overwrite: bool | None = None
) -> None:
    """Find out, before any work is done, whether a file may be written; clear what killed runs left of it.

    Args:
        output: Its name.
        inputs: Names of what is read; some may be names of nothing, such as - or a shipped model's.
        overwrite: Whether an input may be replaced; None where there is no such option.

    Raises:
        WriteError: It is an input under any of its names, or no file can have its name.
    """
    check_target(output)
    if not overwrite and any(is_same_file(output, name) for name in inputs):
        allowed = "; give another name." if overwrite is None else "; add --overwrite if it may be replaced."
        raise WriteError(f"The output {output} is also an input{allowed}")
    remove_leftovers(leftovers_of(output))


def check_apart(outputs: Sequence[str | PathLike[str]]) -> None:
    """Refuse to write two outputs to one file.

    Raises:
        WriteError: Two are one file's names.
    """
    if any(is_same_file(*pair) for pair in combinations(outputs, 2)):
        raise WriteError("Two of the outputs have the same name; give each its own.")
