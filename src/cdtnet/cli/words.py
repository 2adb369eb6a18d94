"""Short forms of commands."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

SPELLINGS = {"harmonise": "harmonize", "synthesise": "synthesize"}
_NUMBER = re.compile(r"\d+(\.\d*)?")


def understood(words: Sequence[str], commands: Collection[str]) -> list[str]:
    """Expand short forms: `help COMMAND`, and a picture's name instead of a subcommand.

    A separate percent sign belongs to the number before it.
    """
    joined: list[str] = []
    for word in words:
        if word == "%" and joined and _NUMBER.fullmatch(joined[-1]):
            joined[-1] += word
        else:
            joined.append(word)
    if not joined:
        return joined
    first, *rest = joined
    if first == "help":
        return [*(SPELLINGS.get(word, word) for word in rest[:1]), "--help"]
    if first in SPELLINGS:
        return [SPELLINGS[first], *rest]
    return (
        joined
        if first in commands or first.startswith("-") or not _is_picture(first)
        else ["harmonize", *joined]
    )


def _is_picture(word: str) -> bool:
    """Check whether a word is the name of a file or a picture."""
    from ..imaging.formats import has_picture_suffix

    return has_picture_suffix(word) or os.path.isfile(word)


def suggestion(word: str, commands: Collection[str]) -> str:
    """Suggest a subcommand for an unknown word, as the end of a sentence."""
    known = [*commands, *SPELLINGS]
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"did you mean {SPELLINGS.get(near[0], near[0])}?" if near else "cdtnet help lists all."
