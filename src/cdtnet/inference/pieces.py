"""Several objects in one picture: each is pasted and harmonized before the next is pasted on top of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..imaging import Picture
from ..imaging.composition import Composition
from ..imaging.depth import stored
from ..imaging.masks import coverage
from .options import Options
from .pipeline import harmonize_picture

if TYPE_CHECKING:
    from .harmonizer import Harmonizer
    from .picture_analysis import Progress
    from .result import Result


Piece = Callable[[Picture], Composition]
"""A function that pastes one object onto a background: `compose` with all other arguments."""


def paste(pieces: Sequence[Piece], background: Picture) -> list[Composition]:
    """Paste one or more pieces, each onto the result of the previous one.

    Raises:
        PictureError: As from `compose`.
    """
    made = [pieces[0](background)]
    for piece in pieces[1:]:
        made.append(piece(made[-1].composite))
    return made


def mask_of(made: Sequence[Composition]) -> NDArray[Any]:
    """Return the mask (H, W) of all pieces together."""
    return reduce(_joined, (each.mask for each in made))


def harmonize_pieces(
    harmonizer: Harmonizer,
    pieces: Sequence[Piece],
    made: Composition,
    options: Options,
    *,
    keep: bool = False,
    record: bool | Mapping[str, Any] = False,
    progress: Progress | None = None,
) -> Result:
    """Harmonize pieces in order; each but the first is pasted onto the harmonized picture below it.

    Args:
        harmonizer: The harmonizer.
        pieces: The pieces.
        made: The composite of the first piece.
        options: The options.
        keep: As for `Harmonizer`.
        record: As for `Harmonizer`.
        progress: As for `Harmonizer`.

    Warns:
        UserWarning: As from the harmonizer.
    """
    again = partial(harmonize_picture, harmonizer, keep=keep, record=record, progress=progress)
    result = again(made.composite, made.mask, options, layer=made.layer)
    for piece in pieces[1:]:
        made = piece(result.image)
        result = again(made.composite, made.mask, options, layer=made.layer)
    return result


def _joined(below: NDArray[Any], above: NDArray[Any]) -> NDArray[Any]:
    """Return the union of two masks (H, W) of one type."""
    total = 1 - (1 - coverage(below)) * (1 - coverage(above))
    return stored(total, below.dtype)
