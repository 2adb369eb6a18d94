"""Cutting an object out of a photo: find it with rembg, move its edge, remove the old background's color."""

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
_HAZE = 0.05  # detected coverage that is closer to 0 or 1 than this is set to 0 or 1
_TILE = 512
_SOLID = 0.99  # coverage from which a pixel shows only the object
_RADII = 90, 6  # radii in pixels of the coarse and the fine estimate of colors
_PURE = 4  # exponent of coverage, which gives more weight to pixels that show only one side


def find_object(image: Any, *, finder: str = FINDER) -> NDArray[np.uint8]:
    """Find the object in a photo by rembg.

    The first use of a finder downloads its weights into rembg's folder.

    Args:
        image: A path, a PIL image, a Picture or an array, as for `Harmonizer`.
        finder: One of rembg's networks, such as "isnet-general-use", "u2net" or "birefnet-general".

    Returns:
        (H,W), white where the object is.

    Raises:
        PictureError: The picture cannot be used, or shows no object.
        CdtnetError: rembg is not installed, has no such network, or cannot load its weights.
    """
    from PIL import Image

    from .preview import on_screen

    seen = on_screen(to_picture(image)).pixels
    if seen.shape[2] in (2, 4):  # transparent pixels are hidden
        seen = seen[..., :-1]
    if seen.shape[2] == 1:
        seen = np.repeat(seen, 3, axis=2)
    with needs("cut-out", "Cutting out"):
        from rembg import remove
    with np.errstate(invalid="ignore"):  # rembg divides by the range of the network's output, which may be 0
        found = remove(Image.fromarray(seen), session=load_finder(finder), only_mask=True)
    sure = np.asarray(found, np.float32)[: seen.shape[0]] / 255  # the first, if there are several objects
    mask = np.rint(255 * np.clip((sure - _HAZE) / (1 - 2 * _HAZE), 0, 1)).astype(np.uint8)
    if not mask.any():
        raise PictureError(
            "No object was found in the picture; give a mask of it, or cut it out another way."
        )
    return mask


def has_finder(finder: str = FINDER) -> bool:
    """Check whether the weights of one of rembg's networks have been downloaded.

    Raises:
        CdtnetError: rembg is not installed.
    """
    with needs("cut-out", "Cutting out"):
        import onnxruntime  # noqa: F401 – rembg exits the process without it
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
        image: A path, a PIL image, a Picture or an array.
        mask: The object's mask, combined with the picture's transparency if there is any; None uses the
            transparency, or finds the object if there is none, see `find_object`.
        finder: As for `find_object`.
        resize_mask: Whether to accept a mask of another size, and resize it.
        snap_mask: Whether to refine the mask to the object's edge first.
        grow: Pixels by which the object's edge is moved outwards, or inwards if negative.
        feather: Pixels to either side over which its edge is softened; see `adjust_mask`.
        defringe: Whether to remove the old background's color from its soft edge.

    Returns:
        The picture with alpha, of the same size, depth and profile. The colors of fully covered pixels are
        bit-identical.

    Raises:
        PictureError: The picture or the mask cannot be used.
        CdtnetError: A required extra is not installed.
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
    """Check whether any pixel of a picture is not opaque."""
    return picture.alpha is not None and bool((coverage(picture.alpha) < 1).any())


@lru_cache(maxsize=1)
def load_finder(finder: str = FINDER) -> Any:
    """Load one of rembg's networks; downloads its weights if they are missing.

    Raises:
        CdtnetError: rembg is not installed, has no such network, or cannot load its weights.
    """
    with needs("cut-out", "Cutting out"):
        import onnxruntime  # noqa: F401 – rembg exits the process without it
        from rembg import new_session
    try:
        return new_session(finder)
    except ValueError as error:
        from rembg.sessions import sessions_names

        raise CdtnetError(
            f"rembg has no network {finder!r}; choose one of {', '.join(sorted(sessions_names))}."
        ) from error
    except Exception as error:  # raised by the network, the disk, or the weights file
        raise CdtnetError(
            f"rembg cannot load the weights of {finder} ({str(error).splitlines()[0]}); they are downloaded "
            "at first use."
        ) from error


def _recolored(
    colors: NDArray[Any], amount: NDArray[np.float32], outwards: int, *, defringe: bool
) -> NDArray[Any]:
    """Return colors (H,W,C) for an object's soft edge, and for pixels up to `outwards` outside of it.

    Without `defringe`, only pixels change that an edge moved outwards would show as one flat color, because
    the file has one color under all transparent pixels.
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
            if blank:  # the background is unknown, so the object's opaque colors are extended
                solid = (cover >= _SOLID) if defringe else (cover > 0)
                cover = solid.astype(np.float32) if solid.any() else cover
            own = _own_colors(colors[block.slices], cover)[window.within(block).slices]
            result[window.slices] = np.where(changed[..., None], own, colors[window.slices])
    return result


def _is_blank(colors: NDArray[Any], amount: NDArray[np.float32]) -> bool:
    """Check whether the file has one color, black or white, under all transparent pixels."""
    hidden = colors[amount == 0]
    white = full_scale(colors.dtype)
    return bool(len(hidden)) and any(bool((hidden == value).all()) for value in (0, white))


def _own_colors(colors: NDArray[Any], amount: NDArray[np.float32]) -> NDArray[Any]:
    """Estimate the object's own colors (h,w,C) where they are mixed with the background's, and beyond.

    Two passes, first coarse, then fine: the mean foreground and background colors around a pixel, plus the
    object's share of the difference that both do not explain.

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
    """Return weighted means (h,w,C) over squares around pixels; the values where all weights are 0."""
    weights = weights[..., None]
    total, weight = _sums(values * weights, radius), _sums(weights, radius)
    there = weight > 1e-4
    return np.where(there, total / np.where(there, weight, 1), values).astype(np.float32)


def _sums(values: NDArray[Any], radius: int) -> NDArray[np.float64]:
    """Return sums (h,w,C) over squares of `radius` pixels around each pixel, clipped at the border."""
    sums: NDArray[np.float64] = values.astype(np.float64)
    for axis in (0, 1):
        length = sums.shape[axis]
        line = np.concatenate((np.zeros_like(sums.take([0], axis)), sums.cumsum(axis)), axis)
        place = np.arange(length)
        ends, starts = np.minimum(place + radius + 1, length), np.maximum(place - radius, 0)
        sums = line.take(ends, axis) - line.take(starts, axis)
    return sums
