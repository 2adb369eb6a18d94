"""The confidence in a change, from two analyses, the second one mirrored (test-time augmentation).

The mean of both has a smaller error than either, and the larger their difference, the less certain it is.
This is not in the paper; it is used with `Config.second_look`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

DOUBT = 1.0  # weight of the squared difference of two analyses in the squared error of their mean
FLOOR = 3.0 / 255  # error that both analyses share, in 0..1, for small foregrounds
SPREAD = 5.0  # extra multiple of FLOOR², scaled by the foreground's share, which leaves less background
_SQUARE = (-3, -2, -1)  # axes


class Confidence(NamedTuple):
    """The share of a change to apply; arrays or tensors (…), one value for each picture.

    Attributes:
        share: The share of the change to apply, 0..1.
        size: The root mean square of the change over the foreground, in 0..1.
    """

    share: Any
    size: Any


def mean(first: Any, second: Any, weight: float = 0.5) -> Any:
    """Average a part of two analyses, arrays or tensors; None if there is no such part.

    Args:
        first: (…).
        second: (…).
        weight: The weight of the second, 0..1.
    """
    return None if first is None else (1 - weight) * first + weight * second


def mix(parts: Sequence[Any], weights: Sequence[float]) -> Any:
    """Sum a part of analyses, arrays or tensors, with weights; None if there is no such part."""
    if parts[0] is None:
        return None
    total = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total += part * weight
    return total


def confidence(first: Any, second: Any, image: Any, mask: Any, extra: float = 0.0) -> Confidence:
    """Compute the confidence in the mean change of two analyses.

    This is the Wiener filter size² / (size² + error²) of the whole change, with both values over the
    foreground. It is continuous, so that small changes of the picture cause small changes of the result. The
    error is estimated: its independent part by a quarter of the squared difference of both analyses, as for
    a mean of two independent estimates; its shared part by a constant that grows with the foreground.

    Args:
        first: (…,S,S,3), the pictures at base size by the first analysis; arrays or tensors.
        second: (…,S,S,3), those by the second one, mirrored back.
        image: (…,S,S,3), the composites.
        mask: (…,S,S,1), their foregrounds.
        extra: A further error of both analyses, in 0..1.
    """
    apart, change = mask * (first - second), mask * ((first + second) / 2 - image)
    area = 3 * (mask * mask).sum(_SQUARE) + 1e-9
    error = (
        DOUBT / 4 * (apart * apart).sum(_SQUARE) / area
        + FLOOR**2 * (1 + SPREAD * mask.mean(_SQUARE))
        + extra**2
    )
    size = (change * change).sum(_SQUARE) / area
    return Confidence(size / (size + error), size**0.5)
