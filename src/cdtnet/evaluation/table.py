"""A table of strings, as aligned text for a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

WORDS = ("", "picture", "convention", "measured by")  # headings of columns of words, not numbers


@dataclass(frozen=True)
class Table:
    """A title, a header, rows that begin with their name, and notes; a cell's second line is its interval."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """Format with aligned columns, numbers on the right."""
        lines = [list(self.header), *(line for row in self.rows for line in _lines(row))]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        left = [heading in WORDS for heading in self.header]
        aligned = [
            "  ".join(
                cell.ljust(width) if words else cell.rjust(width)
                for cell, width, words in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in lines
        ]
        rule = "─" * max(map(len, aligned))
        return "\n".join([self.title, "", aligned[0], rule, *aligned[1:], *self._ending()]) + "\n"

    def markdown(self) -> str:
        """Format as Markdown."""
        rows = [[_inline(cell) for cell in row] for row in (self.header, *self.rows)]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        rule = "|---" * len(self.header) + "|"
        return "\n".join([self.title, "", lines[0], rule, *lines[1:], *self._ending()]) + "\n"

    def _ending(self) -> list[str]:
        return ["", *self.notes] if self.notes else []


def _lines(row: Sequence[str]) -> list[list[str]]:
    return [list(line) for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")]


def _inline(cell: str) -> str:
    value, _, interval = cell.partition("\n")
    return f"{value} ({interval})" if interval else value
