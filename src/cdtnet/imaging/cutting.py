"""Cutting an object out of a photo: found by rembg, its edge moved, the old backdrop's color removed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CdtnetError, PictureError, needs
from .convert import to_picture
from .depth import full_scale, stored
from .edges import adjust_mask, check_edge, reach
from .geometry import tiles
from .masks import coverage, to_mask
from .picture import Picture

FINDER = "isnet-general-use"
_HAZE = 0.05  # of coverage that a network finds; what is nearer to nothing or to all is that
_TILE = 512
_SOLID = 0.99  # coverage from which on a pixel shows the object alone
_RADII = 90, 6  # pixels around a pixel from which its color is known, first roughly, then finely
_PURE = 4  # exponent of coverage by which pixels that show one side alone count more


def find_object(image: Any, *, finder: str = FINDER) -> NDArray[np.uint8]:
    """Find the object that a photo shows, by rembg.

    The first use of a finder downloads its weights into rembg's folder.

    Args:
        image: a path, a PIL image, a Picture or an array, as `Harmonizer` takes them.
        finder: one of rembg's networks, such as "isnet-general-use", "u2net" or "birefnet-general".

    Returns:
        (H,W), white where the object is.

    Raises:
        PictureError: the picture cannot be used, or shows no object.
        CdtnetError: rembg is not installed, or has no such network, or its weights cannot be had.
    """
    from PIL import Image

    from .preview import on_screen

    seen = on_screen(to_picture(image)).pixels
    if seen.shape[2] in (2, 4):  # transparent pixels show nothing
        seen = seen[..., :-1]
    if seen.shape[2] == 1:
        seen = np.repeat(seen, 3, axis=2)
    with needs("cut-out", "Cutting out"):
        from rembg import remove
    with np.errstate(invalid="ignore"):  # rembg divides by the range of what its network finds
        found = remove(Image.fromarray(seen), session=load_finder(finder), only_mask=True)
    sure = np.asarray(found, np.float32)[: seen.shape[0]] / 255  # of several objects, the first
    mask = np.rint(255 * np.clip((sure - _HAZE) / (1 - 2 * _HAZE), 0, 1)).astype(np.uint8)
    if not mask.any():
        raise PictureError(
            "No object was found in the picture; give a mask of it, or cut it out another way."
        )
    return mask


def has_finder(finder: str = FINDER) -> bool:
    """Whether the weights of one of rembg's networks have been downloaded.

    Raises:
        CdtnetError: rembg is not installed.
    """
    with needs("cut-out", "Cutting out"):
        import onnxruntime  # noqa: F401 – rembg ends the process where it is missing
        from rembg.sessions import sessions
    return finder in sessions and sessions[finder].resolve_existing(f"{finder}.onnx") is not None


def cut_out(
    image: Any,
    mask: Any = None,
    *,
    finder: str = FINDER,
    resize_mask: bool = False,
    snap_mask: bool = False,
    grow: int = 0,
    feather: float = 0.0,
    defringe: bool = False,
) -> Picture:
    """Cut an object out of a picture, ready to be pasted.

    Args:
        image: a path, a PIL image, a Picture or an array.
        mask: what of it is the object, within its transparency where it has that; None takes its
            transparency, or finds the object in a picture without, see `find_object`.
        finder: as of `find_object`.
        resize_mask: accept a mask of another size and bring it to the picture's.
        snap_mask: refine the mask to the object's edge first.
        grow: pixels by which the object's edge is moved outwards, or inwards below zero.
        feather: pixels to either side over which its edge is softened; see `adjust_mask`.
        defringe: remove the old backdrop's color from its soft edge.

    Returns:
        The picture with alpha, of the same size, depth and profile. Colors of what is wholly covered are
        those of the picture, bit by bit.

    Raises:
        PictureError: the picture or the mask cannot be used.
        CdtnetError: an extra that is needed is not installed.
    """
    check_edge(grow, feather)
    picture = to_picture(image)
    pixels = picture.pixels
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise PictureError("The foreground holds NaN or infinite values; replace them before pasting.")
    soft: NDArray[Any]
    colors, alpha = pixels, picture.alpha
    if alpha is not None:
        colors = pixels[..., :-1]
        if not is_transparent(picture):
            alpha = None
    if mask is not None:
        soft = to_mask(mask, picture.height, picture.width, resize=resize_mask)
    elif alpha is not None:
        soft = alpha
    else:
        soft = find_object(picture, finder=finder)
    if snap_mask:
        from .snapping import snap_mask as snapped

        soft = snapped(picture, soft)
    amount = coverage(soft)
    if alpha is not None and mask is not None:
        amount *= coverage(alpha)
    colors = _recolored(colors, amount, max(grow, 0) + reach(feather), defringe=defringe)
    moved = adjust_mask(amount, grow=grow, feather=feather)
    opacity = stored(moved, pixels.dtype)[..., None]
    return picture.replace_pixels(np.concatenate((colors, opacity), axis=2))


def is_transparent(picture: Picture) -> bool:
    """Whether anything of a picture is less than opaque."""
    return picture.alpha is not None and bool((coverage(picture.alpha) < 1).any())


@lru_cache(maxsize=1)
def load_finder(finder: str = FINDER) -> Any:
    """Load one of rembg's networks; downloads its weights if they are missing.

    Raises:
        CdtnetError: rembg is not installed, or has no such network, or its weights cannot be had.
    """
    with needs("cut-out", "Cutting out"):
        import onnxruntime  # noqa: F401 – rembg ends the process where it is missing
        from rembg import new_session
    try:
        return new_session(finder)
    except ValueError as error:
        from rembg.sessions import sessions_names

        raise CdtnetError(
            f"rembg has no network {finder!r}; choose one of {', '.join(sorted(sessions_names))}."
        ) from error
    except Exception as error:  # of the network, of the disk, or of the weights' file
        raise CdtnetError(
            f"rembg cannot load the weights of {finder} ({str(error).splitlines()[0]}); they are downloaded "
            "at first use."
        ) from error


def _recolored(
    colors: NDArray[Any], amount: NDArray[np.float32], outwards: int, *, defringe: bool
) -> NDArray[Any]:
    """Colors (H,W,C) for an object's soft edge, and for what lies outside of it by some pixels.

    Without `defringe` they change only where an edge that moves outwards would show nothing: where a
    cut-out's file has one color under all that is transparent.
    """
    blank = _is_blank(colors, amount)
    if not defringe and not (blank and outwards):
        return colors
    result, size = colors.copy(), amount.shape
    for window in tiles(size[0], size[1], _TILE):
        cover = amount[window.slices]
        changed = cover < 1 if defringe else cover == 0
        near = window.grow(outwards + 1, size[0], size[1])
        if changed.any() and amount[near.slices].any():
            block = window.grow(sum(_RADII), size[0], size[1])
            cover = amount[block.slices]
            if blank:  # nothing is known of the backdrop, so that the object's solid parts are continued
                solid = (cover >= _SOLID) if defringe else (cover > 0)
                cover = solid.astype(np.float32) if solid.any() else cover
            own = _own_colors(colors[block.slices], cover)[window.within(block).slices]
            result[window.slices] = np.where(changed[..., None], own, colors[window.slices])
    return result


def _is_blank(colors: NDArray[Any], amount: NDArray[np.float32]) -> bool:
    """Whether the file holds one color, black or white, for all that is transparent."""
    hidden = colors[amount == 0]
    white = full_scale(colors.dtype)
    return bool(len(hidden)) and any(bool((hidden == value).all()) for value in (0, white))


def _own_colors(colors: NDArray[Any], amount: NDArray[np.float32]) -> NDArray[Any]:
    """The object's own colors (h,w,C) where they are mixed with its backdrop's, and beyond.

    Twice, first from far, then from near: the mean color around a pixel of what the object covers, and of
    what it leaves, and of the rest that both don't explain, the object's share.

    After Forte, "Approximate fast foreground colour estimation", ICIP 2021.
    """
    seen = coverage(colors)
    above, below, cover = seen, seen, amount[..., None]
    for radius in _RADII:
        above = _means(above, amount**_PURE, radius)
        below = _means(below, (1 - amount) ** _PURE, radius)
        above = np.clip(above + cover * (seen - cover * above - (1 - cover) * below), 0, 1)
    return stored(above, colors.dtype)


def _means(values: NDArray[Any], weights: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Weighted means (h,w,C) of the squares around pixels; the values where nothing has any weight."""
    weights = weights[..., None]
    total, weight = _sums(values * weights, radius), _sums(weights, radius)
    there = weight > 1e-4
    return np.where(there, total / np.where(there, weight, 1), values).astype(np.float32)


def _sums(values: NDArray[Any], radius: int) -> NDArray[np.float64]:
    """Sums (h,w,C) of the squares of `radius` pixels around each pixel, as far as they lie in the picture."""
    sums: NDArray[np.float64] = values.astype(np.float64)
    for axis in (0, 1):
        length = sums.shape[axis]
        line = np.concatenate((np.zeros_like(sums.take([0], axis)), sums.cumsum(axis)), axis)
        place = np.arange(length)
        ends, starts = np.minimum(place + radius + 1, length), np.maximum(place - radius, 0)
        sums = line.take(ends, axis) - line.take(starts, axis)
    return sums
