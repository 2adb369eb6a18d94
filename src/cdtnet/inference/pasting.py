"""Several objects in one picture: each is pasted and harmonized, then the next on top of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..imaging import Picture
from ..imaging.composition import Composition
from ..imaging.depth import full_scale
from ..imaging.masks import coverage
from .options import Options
from .pipeline import harmonize_picture

if TYPE_CHECKING:
    from .harmonizer import Harmonizer
    from .rendering import Progress
    from .result import Result


Piece = Callable[[Picture], Composition]
"""Pastes one object onto a background: `compose` with all else that it needs."""


@dataclass(frozen=True)
class Pasted:
    """Pieces on a background.

    Attributes:
        composite: As pasted, the last piece on top.
        mask: (H, W) what shows any of them.
        first: The first piece alone.
    """

    composite: Picture
    mask: NDArray[Any]
    first: Composition


def paste(pieces: Sequence[Piece], background: Picture) -> Pasted:
    """Paste one or more pieces.

    Raises:
        PictureError: As from `compose`.
    """
    first = made = pieces[0](background)
    mask = first.mask
    for piece in pieces[1:]:
        made = piece(made.composite)
        mask = _joined(mask, made.mask)
    return Pasted(made.composite, mask, first)


def harmonize_pieces(
    harmonizer: Harmonizer,
    pieces: Sequence[Piece],
    pasted: Pasted,
    options: Options,
    *,
    keep: bool = False,
    record: bool | Mapping[str, Any] = False,
    progress: Progress | None = None,
) -> Result:
    """Harmonize what was pasted, each piece with what lies below it, already harmonized.

    Warns:
        UserWarning: As the harmonizer does.
    """
    made = pasted.first
    again = partial(harmonize_picture, harmonizer, keep=keep, record=record, progress=progress)
    result = again(made.composite, made.mask, options, layer=made.layer)
    for piece in pieces[1:]:
        made = piece(result.image)
        result = again(made.composite, made.mask, options, layer=made.layer)
    return result


def _joined(below: NDArray[Any], above: NDArray[Any]) -> NDArray[Any]:
    """What shows either of two masks (H, W) of one type."""
    total = 1 - (1 - coverage(below)) * (1 - coverage(above))
    return np.rint(total * full_scale(below.dtype)).astype(below.dtype)
