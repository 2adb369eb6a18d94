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
    """Show on stderr what is done, the rate and the time left.

    Only on a terminal, and only for work that takes longer than `delay`.

    Args:
        items: What to count while it is gone through; without, call `update`.
        description: What is being done, such as "harmonizing".
        unit: What is counted, such as "pictures".
        total: How many there are, where `items` cannot tell.
        delay: Seconds until it is shown, at the next update.
    """
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    return tqdm(
        items, desc=description, total=total, unit=f" {unit}", delay=delay, disable=hidden, leave=False
    )
