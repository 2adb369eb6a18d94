"""An untrusted file, and the expected outcome."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PICTURE, SENTENCE, EITHER = "picture", "sentence", "either"
Make = Callable[[Path], object]


class Specimen(NamedTuple):
    """One file.

    Attributes:
        kind: What is unusual about it; its row in the table.
        name: The name of the file.
        make: A function that writes it to a path.
        outcome: "picture", "sentence", or "either".
    """

    kind: str
    name: str
    make: Make
    outcome: str = EITHER


def written(data: bytes) -> Make:
    """Return a function that writes these bytes to a path."""
    return lambda path: path.write_bytes(data)
