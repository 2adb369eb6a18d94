"""The part of a picture that is analyzed: the foreground and its surroundings."""

from collections.abc import Iterable

from ..imaging.geometry import Window, inside


def close_up(windows: Iterable[Window], base_size: int, height: int, width: int) -> Window:
    """Choose the part of an (H,W) picture to be analyzed around its foreground.

    It is a square around all windows. Its side is their extent plus a third of the way to the picture's, so
    that a small foreground has more than a few pixels at base size, and enough surroundings. The side is at
    least the base size, because enlarging adds no information. The square is cropped to the picture.
    """
    tops, lefts, bottoms, rights = zip(*windows, strict=True)
    top, left, bottom, right = min(tops), min(lefts), max(bottoms), max(rights)
    extent = max(bottom - top, right - left)
    side = max(extent + (max(height, width) - extent) // 3, base_size)
    first, below = _around(top, bottom, side, height)
    start, beyond = _around(left, right, side, width)
    return Window(first, start, below, beyond)


def _around(start: int, stop: int, side: int, length: int) -> tuple[int, int]:
    wanted = min(side + (side + start + stop) % 2, length)  # even margins, so that mirroring changes nothing
    return inside((start + stop - wanted) // 2, wanted, length)
