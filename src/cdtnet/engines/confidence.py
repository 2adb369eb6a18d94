"""A second look at a picture, mirrored: the mean of both is better, and where they differ neither is sure.

Not in the paper. `Config.second_look` says whether a network looks twice.
"""

from typing import Any

DOUBT = 1.0  # how often the squared difference of two looks goes into the squared error of their mean
FLOOR = 4.5 / 255  # an error that looks have in common, in 0..1, where the foreground is small
SPREAD = 5.0  # how often that, squared, goes in once more where all is foreground: less is left to go by
_SQUARE = (-3, -2, -1)  # axes


def mean(first: Any, second: Any) -> Any:
    """Of a part of two analyses, arrays or tensors; None where there is no such part."""
    return None if first is None else (first + second) / 2


def trust(first: Any, second: Any, image: Any, mask: Any) -> Any:
    """How much of the change that two looks find is worth making, 0..1.

    1 − (error² / change²)² for the change as a whole, both over the foreground: steeper than Wiener's filter,
    so that a change that both looks find is made nearly whole, and a picture that is nearly right is left as
    it is. The error is not known; a quarter of the looks' squared difference, as that of a mean of two
    independent estimates, stands for what they don't share, and for what they do a constant that grows with
    the share that is foreground.

    Args:
        first: (…,S,S,3), what the first look makes of pictures at base size; arrays or tensors.
        second: (…,S,S,3), what the second does, mirrored back.
        image: (…,S,S,3), the pictures themselves.
        mask: (…,S,S,1), their foregrounds.

    Returns:
        (…), one for each picture.
    """
    apart, change = mask * (first - second), mask * ((first + second) / 2 - image)
    common = FLOOR**2 * (1 + SPREAD * mask.mean(_SQUARE))
    error = DOUBT / 4 * (apart * apart).sum(_SQUARE) + 3 * common * (mask * mask).sum(_SQUARE)
    size = (change * change).sum(_SQUARE)
    return (1 - (error / (size + 1e-12)) ** 2).clip(0, 1)
