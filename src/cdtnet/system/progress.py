"""The progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


def bar(
    items: Iterable[Any] | None = None,
    *,
    description: str,
    unit: str,
    total: int | None = None,
    delay: float = 1.0,
) -> tqdm[Any]:
    """Show the progress, the rate and the time left on stderr.

    It is shown only on a terminal, and only for work that takes longer than `delay`.

    Args:
        items: The items to iterate over; without them, call `update`.
        description: The activity, such as "harmonizing".
        unit: The name of the items, such as "pictures".
        total: The number of items, if `items` has no length.
        delay: Seconds before it is shown.
    """
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    return tqdm(
        items, desc=description, total=total, unit=f" {unit}", delay=delay, disable=hidden, leave=False
    )
