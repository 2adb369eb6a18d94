"""Remarks about a result: a sentence, and the options that help, which each face names in its own way."""

from __future__ import annotations

from collections.abc import Iterable


class Remark(str):
    """A sentence about a result.

    Attributes:
        helps: Names of options that help, such as "apply_anyway".
    """

    helps: tuple[str, ...]

    def __new__(cls, sentence: str, *helps: str) -> Remark:
        """Make one.

        Args:
            sentence: Names neither flags nor arguments.
            helps: As the attribute.
        """
        remark = super().__new__(cls, sentence)
        remark.helps = helps
        return remark


def joined(remarks: Iterable[str | None]) -> Remark | None:
    """Several in one; None where there is none."""
    given = [remark for remark in remarks if remark]
    helps = [name for remark in given for name in helps_of(remark)]
    return Remark(" ".join(given), *helps) if given else None


def helps_of(remark: object) -> tuple[str, ...]:
    """The options that help against what is said, if anything is and any do."""
    return remark.helps if isinstance(remark, Remark) else ()
