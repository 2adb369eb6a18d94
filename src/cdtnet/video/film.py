"""Pair the frames of a clip and its matte, or of foreground, background and matte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..config import HALO, NEGLIGIBLE
from ..errors import PictureError
from ..imaging import ColorCodec, Picture, color_codec, coverage, to_mask
from ..imaging.composition import Layer
from ..imaging.depth import full_scale
from ..imaging.geometry import Window, extent
from . import frames
from .clips import Clip, Shown

ALPHA = "alpha"  # given as a matte: the foreground's own
_SAME_RATE = 0.01  # share by which the rates of two clips may differ


@dataclass
class Moment:
    """A frame of a video.

    Attributes:
        number: The index of the frame, from 0.
        base: The composite, or the background if a foreground is pasted; the result is a changed copy of it.
        mask: (H,W), full range.
        above: The foreground to paste; None if `base` is the composite.
    """

    number: int
    base: Shown
    mask: NDArray[Any]
    above: Shown | None = None

    @cached_property
    def window(self) -> Window | None:
        """Return the window that the mask covers; None for a black mask."""
        return extent(self.mask)

    @cached_property
    def region(self) -> Window | None:
        """Return the part to convert and paint, the window with a margin; None for a black mask."""
        height, width = self.mask.shape
        if self.window is None or self.base.turn:
            return self.window and Window(0, 0, height, width)
        top, left, bottom, right = self.window.grow(HALO, height, width)
        grid = frames.GRID
        return Window(
            top // grid * grid,
            left // grid * grid,
            min(-(-bottom // grid) * grid, height),
            min(-(-right // grid) * grid, width),
        )

    @cached_property
    def below(self) -> Picture:
        """Return the region of `base`."""
        assert self.region is not None
        return self.base.part(self.region)

    @cached_property
    def part(self) -> Picture:
        """Return the region of the composite."""
        if self.layer is None:
            return self.below
        assert self.region is not None
        amount = coverage(self.mask[self.region.slices])[..., None]
        pixels = self.below.pixels.copy()
        channels = 3 if pixels.shape[2] > 2 else 1
        mixed = pixels + amount * (self.layer.pixels.astype(np.float32) - pixels)
        mixed = np.rint(mixed) if pixels.dtype.kind == "u" else mixed
        pixels[..., :channels] = mixed[..., :channels]
        return self.below.replace_pixels(pixels)

    @cached_property
    def layer(self) -> Layer | None:
        """Return the region of the foreground alone, in the colors of `base`; None if nothing is pasted."""
        if self.above is None or self.region is None:
            return None
        pixels = self.below.pixels.copy()
        shown = self.mask[self.region.slices] > 0
        converted = _converted(self.above.part(self.region), self.below)
        pixels[shown, : converted.shape[2]] = converted[shown]
        return Layer(Window(0, 0, *self.region.size), pixels)

    @property
    def composite(self) -> Picture:
        """Return the whole composite."""
        return self.base.picture if self.layer is None else self.with_part(self.part.pixels)

    def with_part(self, pixels: NDArray[Any] | None) -> Picture:
        """Return the composite with other pixels (h,w,C) in its region; None changes nothing."""
        if pixels is None:
            return self.composite
        assert self.region is not None
        whole = self.base.picture.pixels.copy()
        shown = self.mask[self.region.slices] > 0
        whole[self.region.slices][shown] = pixels[shown]
        return self.base.picture.replace_pixels(whole)

    def small(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the composite (h,w,3), 0..255, and the mask (h,w), 0..1, reduced by `step`."""
        colors = self.base.small(step).astype(np.float32)
        soft = coverage(self.mask[step // 2 :: step, step // 2 :: step])
        height, width = min(len(colors), len(soft)), min(colors.shape[1], soft.shape[1])
        colors, soft = colors[:height, :width], soft[:height, :width]
        if self.above is not None:
            above = self.above.small(step)[:height, :width]
            colors = colors + soft[..., None] * (above - colors)
        return colors, soft


def _converted(above: Picture, below: Picture) -> NDArray[Any]:
    """Convert the colors (h,w,1 or 3) of one picture to the color space and depth of another."""
    channels = 3 if below.pixels.shape[2] > 2 else 1
    native = above.pixels
    if above.metadata.icc == below.metadata.icc and above.metadata.hdr == below.metadata.hdr:
        source, target = full_scale(native.dtype), full_scale(below.pixels.dtype)
        if (above.pixels.shape[2] > 2) == (channels == 3):
            scaled = native[..., :channels].astype(np.float32) * np.float32(target / source)
            return np.rint(scaled).astype(below.pixels.dtype) if target > 1 else scaled
    return _encoded(color_codec(below), color_codec(above).decode(native), below.pixels.dtype)


def _encoded(codec: ColorCodec, values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    native = codec.from_srgb(values) * full_scale(dtype)
    return np.rint(native).astype(dtype) if dtype.kind == "u" else native


class Film:
    """A clip with its matte, or a foreground over a background.

    Args:
        clip: The composite; or the foreground, if there is a background.
        matte: White is foreground; `ALPHA` for the alpha of the clip.
        background: The background to paste the foreground on; None if the clip is a composite.
        resize_mask: Whether to resize a matte of another size.

    Raises:
        PictureError: The clips differ in size, frame rate or declared length.
    """

    def __init__(self, clip: Clip, matte: Clip | str, background: Clip | None, *, resize_mask: bool):
        self.clip, self.background, self._resize = clip, background, resize_mask
        self._matte = None if isinstance(matte, str) else matte
        self.base = background or clip
        others = [(self._matte, "matte"), (background and clip, "foreground")]
        for other, role in others:
            if other is not None:
                _check_same(self.base, other, role, any_size=role == "matte" and resize_mask)

    @property
    def count(self) -> int | None:
        """Return the number of frames; None if unknown."""
        counts = [each.count for each in (self.base, self._matte, self.clip) if each is not None]
        return next((count for count in counts if count is not None), None)

    def moments(self) -> Iterator[Moment]:
        """Read the frames of all clips together.

        Raises:
            PictureError: One of the clips is damaged, or ends before the others.
        """
        clips = [self.base, self._matte, self.clip if self.background else None]
        given = [clip for clip in clips if clip is not None]
        for number, shown in enumerate(zip_longest(*(clip.frames() for clip in given))):
            if not all(shown):
                shorter = given[[*map(bool, shown)].index(False)]
                longer = given[[*map(bool, shown)].index(True)]
                raise PictureError(
                    f"{shorter.name} ends after {number} frames, and {longer.name} has more; "
                    "give clips of the same length."
                )
            rest = list(shown)
            base = rest.pop(0)
            matte = rest.pop(0) if self._matte else None
            above = rest.pop(0) if rest else None
            yield self._moment(number, base, matte, above)

    def _moment(self, number: int, base: Shown, matte: Shown | None, above: Shown | None) -> Moment:
        mask = matte.matte(alpha=False) if matte else (above or base).matte(alpha=True)
        if mask.dtype.kind == "f" or mask.shape != (self.base.height, self.base.width):
            mask = to_mask(mask, self.base.height, self.base.width, resize=self._resize)
        return Moment(number, base, without_noise(mask), above)


def without_noise(mask: NDArray[Any]) -> NDArray[Any]:
    """Set the near-black pixels of a mask (H,W), which compression leaves, to black."""
    return np.asarray(cv2.threshold(mask, NEGLIGIBLE * full_scale(mask.dtype), 0, cv2.THRESH_TOZERO)[1])


def _check_same(base: Clip, other: Clip, role: str, *, any_size: bool) -> None:
    if (base.height, base.width) != (other.height, other.width) and not any_size:
        hint = ", or resize it with --resize-mask (resize_mask=True)" if role == "matte" else ""
        raise PictureError(
            f"The {role} {other.name} has {other.width}×{other.height} pixels and {base.name} "
            f"{base.width}×{base.height}; give one of the same size{hint}."
        )
    if base.rate and other.rate and abs(base.rate / other.rate - 1) > _SAME_RATE:
        raise PictureError(
            f"The {role} {other.name} has {float(other.rate):.4g} frames a second and {base.name} "
            f"{float(base.rate):.4g}; convert it to the same rate."
        )
    if base.count and other.count and base.count != other.count:
        raise PictureError(
            f"The {role} {other.name} has {other.count:,} frames and {base.name} {base.count:,}; "
            "give one frame for each."
        )


def paired(clips: Iterable[Shown], masks: Iterable[Any], height: int, width: int) -> Iterator[Moment]:
    """Pair frames and masks.

    Raises:
        PictureError: A mask has another size, or there are fewer of one than of the other.
    """
    for number, (shown, mask) in enumerate(zip_longest(clips, masks)):
        if shown is None or mask is None:
            ended = "masks" if mask is None else "frames"
            raise PictureError(f"There are only {number} {ended}; give a mask for each frame.")
        yield Moment(number, shown, without_noise(to_mask(mask, height, width)))
