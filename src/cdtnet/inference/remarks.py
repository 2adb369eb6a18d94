"""Remarks about a result: a sentence, and the options that help; front ends have their own names for them."""

from __future__ import annotations

from collections.abc import Iterable


class Remark(str):
    """A sentence about a result.

    Attributes:
        helps: Names of options that help, such as "apply_anyway".
    """

    helps: tuple[str, ...]

    def __new__(cls, sentence: str, *helps: str) -> Remark:
        """Create a remark.

        Args:
            sentence: The text, without flags or names of arguments.
            helps: See the attribute.
        """
        remark = super().__new__(cls, sentence)
        remark.helps = helps
        return remark


def joined(remarks: Iterable[str | None]) -> Remark | None:
    """Join remarks into one; None if there are none."""
    given = [remark for remark in remarks if remark]
    helps = [name for remark in given for name in helps_of(remark)]
    return Remark(" ".join(given), *helps) if given else None


def helps_of(remark: object) -> tuple[str, ...]:
    """Return the options that help; empty if there is no remark."""
    return remark.helps if isinstance(remark, Remark) else ()
