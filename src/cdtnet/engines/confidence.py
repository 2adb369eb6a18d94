"""The confidence in a change, from two analyses, the second one mirrored (test-time augmentation).

Their mean is better than either, and where they differ neither is sure. Not in the paper;
`Config.second_look` says whether a network looks twice.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

DOUBT = 1.0  # weight of the squared difference of two looks in the squared error of their mean
FLOOR = 3.0 / 255  # an error that looks have in common, in 0..1, where the foreground is small
SPREAD = 5.0  # extra multiple of FLOOR², scaled by the foreground's share: less is left to go by
_SQUARE = (-3, -2, -1)  # axes


class Confidence(NamedTuple):
    """The share of a change to apply; arrays or tensors (…), one value for each picture.

    Attributes:
        share: of the change, 0..1.
        size: root mean square of the change over the foreground, in 0..1.
    """

    share: Any
    size: Any


def mean(first: Any, second: Any, weight: float = 0.5) -> Any:
    """Of a part of two analyses, arrays or tensors; None where there is no such part.

    Args:
        first: (…).
        second: (…).
        weight: of the second, 0..1.
    """
    return None if first is None else (1 - weight) * first + weight * second


def mix(parts: Sequence[Any], weights: Sequence[float]) -> Any:
    """The weighted sum of a part of analyses, arrays or tensors; None where there is no such part."""
    if parts[0] is None:
        return None
    total = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total += part * weight
    return total


def confidence(first: Any, second: Any, image: Any, mask: Any) -> Confidence:
    """Compute the confidence in the mean change of two analyses.

    Wiener's filter, size² / (size² + error²), for the change as a whole, both over the foreground: it is
    continuous, so that what hardly changes the picture hardly changes the result. The error is not known. A
    quarter of the looks' squared difference, as that of a mean of two independent estimates, stands for what
    they don't share; for what they share stands a constant that grows with the foreground.

    Args:
        first: (…,S,S,3), what the first look makes of pictures at base size; arrays or tensors.
        second: (…,S,S,3), what the second does, mirrored back.
        image: (…,S,S,3), the pictures themselves.
        mask: (…,S,S,1), their foregrounds.
    """
    apart, change = mask * (first - second), mask * ((first + second) / 2 - image)
    area = 3 * (mask * mask).sum(_SQUARE) + 1e-9
    error = DOUBT / 4 * (apart * apart).sum(_SQUARE) / area + FLOOR**2 * (1 + SPREAD * mask.mean(_SQUARE))
    size = (change * change).sum(_SQUARE) / area
    return Confidence(size / (size + error), size**0.5)
