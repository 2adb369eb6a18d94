"""Pasting a cut-out onto a background: the composite, and its mask for harmonizing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import PictureError
from .color import color_codec
from .convert import to_picture
from .depth import full_scale, unit
from .geometry import Window, tiles
from .masks import coverage, to_mask
from .picture import Picture

Floats = NDArray[np.float32]

TILE = 256  # side of the squares that are blended at a time, in pixels
LEAST, MOST = 1 / 400, 400.0  # scales
_FURTHEST = 1e7  # largest distance in pixels from the background's corner
_FRINGE = 3  # transparent margin of the scaled foreground, for interpolation


class Layer(NamedTuple):
    """A pasted foreground alone.

    Attributes:
        window: Its position in the background.
        pixels: (h,w,C), the pixels of the window, in the background's type: the foreground's colors, not
            blended with the background, wherever it covers anything, and the background elsewhere.
    """

    window: Window
    pixels: NDArray[Any]

    def over(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return a picture's pixels (H,W,C) with the layer in its place."""
        result = pixels.copy()
        result[self.window.slices] = self.pixels
        return result


@dataclass(frozen=True, eq=False)
class Composition:
    """A pasted picture; unpacks into composite and mask.

    Attributes:
        composite: The composite, in the background's size, depth and color profile, with its metadata.
        mask: (H,W), the coverage by the foreground, full range; uint8 on a background of 8 bits, otherwise
            uint16.
        layer: The foreground alone, so that soft edges are harmonized like opaque parts.
    """

    composite: Picture
    mask: NDArray[Any]
    layer: Layer

    def __iter__(self) -> Iterator[Any]:
        yield self.composite
        yield self.mask


@dataclass(frozen=True)
class Placement:
    """The position of a foreground: scaled and rotated about its center, which is moved to `center`.

    Attributes:
        size: (width, height) of the foreground in its own pixels.
        center: (x, y) in background pixels; integers are pixel corners.
        scale: Background pixels per foreground pixel.
        angle: Clockwise rotation in radians.
    """

    size: tuple[int, int]
    center: tuple[float, float]
    scale: float
    angle: float

    def bounds(self, height: int, width: int) -> Window:
        """Return the rectangle of a background that it may touch; empty or inverted without an overlap."""
        cos, sin = abs(math.cos(self.angle)), abs(math.sin(self.angle))
        edge = max(self.scale, 1) / 2 + 1  # if enlarged, its edge extends by half a pixel of its own
        across = (self.size[0] * cos + self.size[1] * sin) * self.scale / 2 + edge
        down = (self.size[0] * sin + self.size[1] * cos) * self.scale / 2 + edge
        x, y = self.center
        return Window(
            max(math.floor(y - down), 0),
            max(math.floor(x - across), 0),
            min(math.ceil(y + down), height),
            min(math.ceil(x + across), width),
        )


def compose(
    foreground: Any,
    background: Any,
    *,
    at: tuple[float, float] | None = None,
    scale: float = 1.0,
    rotate: float = 0.0,
    flip: bool = False,
    mask: Any = None,
    resize_mask: bool = False,
) -> Composition:
    """Paste a cut-out onto a background.

    Colors are converted to the background's profile and blended in its encoded values, as in photo editors
    and in harmonizing. Background pixels that are not covered are bit-identical. The foreground is resampled
    only if it is scaled, rotated or placed between pixels.

    Args:
        foreground: A path, a PIL image, a Picture or an array; with alpha, or with a mask.
        background: The same kinds.
        at: (x, y) of the scaled, not yet rotated foreground's top left corner, in pixels of the background;
            it may lie outside. None centers it, on whole pixels.
        scale: Background pixels per foreground pixel, 1/400 to 400.
        rotate: Clockwise rotation about the foreground's center in degrees.
        flip: Whether to mirror the foreground, left to right, before it is rotated.
        mask: The part of the foreground to paste, of its size: white is pasted, gray partly; combined with
            its alpha if it has both.
        resize_mask: Whether to accept a mask of another size, and resize it.

    Raises:
        PictureError: A picture cannot be used, there is neither alpha nor mask, or the foreground would not
            be visible.
    """
    pasted, canvas = to_picture(foreground), to_picture(background)
    if pasted.pixels.dtype.kind == "f" and not np.isfinite(pasted.pixels).all():
        raise PictureError("The foreground holds NaN or infinite values; replace them before pasting.")
    if mask is None and pasted.alpha is None:
        raise PictureError(
            "The foreground has no transparency and no mask; give a cut-out with an alpha channel, or a mask "
            "of the foreground."
        )
    opacity = None if mask is None else to_mask(mask, pasted.height, pasted.width, resize=resize_mask)
    if flip:
        pasted = pasted.replace_pixels(pasted.pixels[:, ::-1])
        opacity = None if opacity is None else opacity[:, ::-1]
    placement = _place(pasted, canvas, at, scale, rotate)
    area = placement.bounds(canvas.height, canvas.width)
    if area.top >= area.bottom or area.left >= area.right:
        raise PictureError(
            f"The foreground would lie wholly outside the {canvas.width}×{canvas.height} pixels of the "
            "background; move it inside."
        )
    pixels = canvas.pixels.copy()
    soft = np.zeros(pixels.shape[:2], np.uint8 if pixels.dtype == np.uint8 else np.uint16)
    layer = Layer(area, pixels[area.slices].copy())
    _blend(pasted, opacity, placement, canvas, pixels[area.slices], soft[area.slices], layer)
    if not soft.any():
        raise PictureError(
            "The foreground is transparent wherever it covers the background, so nothing was pasted; "
            "check its alpha channel or mask, and its position."
        )
    return Composition(canvas.replace_pixels(pixels), soft, layer)


def _place(
    pasted: Picture, canvas: Picture, at: tuple[float, float] | None, scale: float, rotate: float
) -> Placement:
    if not LEAST <= scale <= MOST:
        raise PictureError(f"The scale must be between 1/400 and 400, not {scale:g}.")
    if not math.isfinite(rotate):
        raise PictureError(f"The rotation must be a number of degrees, not {rotate:g}.")
    width, height = pasted.width * scale, pasted.height * scale
    if min(width, height) < 1:
        raise PictureError(
            f"Scaled by {scale:g}, nothing would be left of the foreground's {pasted.width}×{pasted.height} "
            "pixels; use a larger scale."
        )
    centered = math.floor((canvas.width - width) / 2), math.floor((canvas.height - height) / 2)
    left, top = centered if at is None else at
    if not max(abs(left), abs(top)) <= _FURTHEST:
        raise PictureError(f"The position {left:g},{top:g} is not valid; give it in pixels.")
    angle = math.radians(math.remainder(rotate, 360))
    return Placement((pasted.width, pasted.height), (left + width / 2, top + height / 2), scale, angle)


def _blend(
    pasted: Picture,
    opacity: NDArray[Any] | None,
    placement: Placement,
    canvas: Picture,
    pixels: NDArray[Any],
    soft: NDArray[Any],
    layer: Layer,
) -> None:
    """Blend the foreground into the layer's window of pixels, mask and layer, tile by tile."""
    image = _layer(pasted, opacity, placement, layer.window)
    region = pyvips.Region.new(image)  # does not keep the image's memory alive
    convert = _conversion(pasted, canvas)
    white, opaque = full_scale(soft.dtype), full_scale(pasted.pixels.dtype)
    for window in tiles(soft.shape[0], soft.shape[1], TILE):
        height, width = window.bottom - window.top, window.right - window.left
        flat = np.frombuffer(region.fetch(window.left, window.top, width, height), np.float32)
        tile = flat.reshape(height, width, -1)
        alpha = tile[..., -1:] / opaque  # may overshoot 0 and 1, as the colors do
        soft[window.slices] = np.rint(np.clip(alpha[..., 0], 0, 1) * white)
        amount = coverage(soft[window.slices])[..., None]  # rounded, so that mask and composite agree
        if amount.any():
            color = np.divide(tile[..., :-1], alpha, where=amount > 0, out=np.zeros_like(tile[..., :-1]))
            above, below = convert(color), pixels[window.slices]
            pixels[window.slices] = _over(below, above, amount)
            layer.pixels[window.slices] = _over(below, above, (amount > 0).astype(np.float32))


def _layer(pasted: Picture, opacity: NDArray[Any] | None, placement: Placement, area: Window) -> Any:
    """Resample the foreground to the area: (h,w,C+1) float, premultiplied colors in 0..1, alpha.

    It is computed lazily. The step response of both filters has no ringing, so that sharp outlines get no
    halo. Colors are multiplied by alpha, so that those under transparent pixels cannot bleed in.
    """
    image, top = _to_vips(pasted.pixels), full_scale(pasted.pixels.dtype)
    if opacity is not None:
        alpha = _to_vips(opacity) / full_scale(opacity.dtype)
        if pasted.alpha is None:
            image = image.bandjoin(alpha * top)
        else:
            image = image[0 : image.bands - 1].bandjoin(alpha * image[-1])
    image = image.premultiply(max_alpha=top).cast("float")
    shrink = max(1 / placement.scale, 1.0)
    box = max(int(shrink / 4), 1) | 1  # averaged first, so that fewer lines are needed; odd for `_margin`
    across, down = (_margin(length, math.ceil(_FRINGE * shrink), box) for length in placement.size)
    image = image.embed(across, down, image.width + 2 * across, image.height + 2 * down).shrink(box, box)
    if shrink > 1:
        image = image.reduce(shrink / box, shrink / box, kernel="cubic")  # the center is kept
    if shrink > 2:  # line by line, because a tile of the result may need a large part of the foreground
        image = image.copy_memory()
    grow = max(placement.scale, 1.0)
    cos, sin = grow * math.cos(placement.angle), grow * math.sin(placement.angle)
    x, y = (image.width - 1) / 2, (image.height - 1) / 2
    return image.affine(
        [cos, -sin, sin, cos],
        odx=placement.center[0] - 0.5 - (cos * x - sin * y),
        ody=placement.center[1] - 0.5 - (sin * x + cos * y),
        oarea=[area.left, area.top, area.right - area.left, area.bottom - area.top],
        interpolate=pyvips.Interpolate.new("bicubic"),
    )


def _margin(length: int, least: int, box: int) -> int:
    """Return the padding at both ends of a line that makes its length a multiple of the odd `box`."""
    return least + -(length + 2 * least) * (box + 1) // 2 % box


def _conversion(pasted: Picture, canvas: Picture) -> Callable[[Floats], Floats]:
    """Return the conversion from native values of the foreground to the background's, 0..1."""
    source, target = color_codec(pasted), color_codec(canvas)
    kinds = {(picture.metadata.icc, picture.pixels.shape[2] > 2) for picture in (pasted, canvas)}
    if len(kinds) == 1:  # colors outside sRGB are kept
        scale = full_scale(pasted.pixels.dtype)
        return lambda color: np.clip(color / scale, 0, 1)
    return lambda color: target.from_srgb(source.decode(color))


def _over(below: NDArray[Any], above: Floats, amount: Floats) -> NDArray[Any]:
    """Blend native pixels (h,w,C) by the operator `over` of Porter and Duff.

    Args:
        below: The background's pixels.
        above: (h,w,C), the colors in 0..1, not multiplied by alpha.
        amount: (h,w,1), their opacity.
    """
    top, colors = full_scale(below.dtype), above.shape[-1]
    values = below.astype(np.float32) / top
    behind = (1 - amount) * (unit(values[..., colors:]) if below.shape[2] > colors else 1)
    total = amount + behind
    # NaN that is fully covered is not visible.
    seen = np.multiply(behind, values[..., :colors], where=behind > 0, out=np.zeros_like(above))
    color = (amount * above + seen) / np.where(total > 0, total, 1)
    mixed = np.concatenate((color, total[..., : below.shape[2] - colors]), axis=-1) * top
    return np.where(amount > 0, np.rint(mixed) if below.dtype.kind == "u" else mixed, below)


def _to_vips(pixels: NDArray[Any]) -> Any:
    return pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
