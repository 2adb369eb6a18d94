"""A file that a stranger may send, and what should come of it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PICTURE, SENTENCE, EITHER = "picture", "sentence", "either"
Make = Callable[[Path], object]


class Specimen(NamedTuple):
    """One file.

    Attributes:
        kind: what is odd about it, a row of the table.
        name: of the file.
        make: puts it at a path.
        outcome: "picture", "sentence", or "either".
    """

    kind: str
    name: str
    make: Make
    outcome: str = EITHER


def written(data: bytes) -> Make:
    """Makes a file of these bytes."""
    return lambda path: path.write_bytes(data)
