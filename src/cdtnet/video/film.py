"""Clip and matte, or foreground, background and matte, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import NEGLIGIBLE
from ..errors import PictureError
from ..imaging import ColorCodec, Picture, color_codec, coverage, to_mask
from ..imaging.composition import Layer
from ..imaging.depth import full_scale
from ..imaging.geometry import Window
from .clips import Clip, Shown

ALPHA = "alpha"  # given as a matte: the foreground's own
_SAME_RATE = 0.01  # share by which the rates of two clips may differ


@dataclass
class Moment:
    """A frame of a film.

    Attributes:
        number: From 0 on.
        base: What is harmonized, or what the foreground is pasted on; the result is this with changes.
        mask: (H,W), full range.
        above: The foreground that is pasted; None where `base` is the composite.
    """

    number: int
    base: Shown
    mask: NDArray[Any]
    above: Shown | None = None

    @cached_property
    def window(self) -> Window | None:
        """What the mask covers; None where it is black."""
        return covered(self.mask)

    @cached_property
    def composite(self) -> Picture:
        """What is harmonized."""
        below = self.base.picture
        if self.layer is None:
            return below
        window = self.layer.window
        amount = coverage(self.mask[window.slices])[..., None]
        pixels = below.pixels.copy()
        part, channels = pixels[window.slices], 3 if below.pixels.shape[2] > 2 else 1
        mixed = part + amount * (self.layer.pixels.astype(np.float32) - part)
        mixed = np.rint(mixed) if part.dtype.kind == "u" else mixed
        part[..., :channels] = mixed[..., :channels]
        return below.replace_pixels(pixels)

    @cached_property
    def layer(self) -> Layer | None:
        """The foreground by itself, in the colors of what it is pasted on; None where nothing is."""
        if self.above is None or self.window is None:
            return None
        below, above = self.base.picture, self.above.picture
        pixels = below.pixels[self.window.slices].copy()
        shown = self.mask[self.window.slices] > 0
        converted = _converted(above, self.window, below)
        pixels[shown, : converted.shape[2]] = converted[shown]
        return Layer(self.window, pixels)

    def small(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """About a pixel of `step`×`step`: of the composite, (h,w,3) 0..255, and of the mask, (h,w) 0..1."""
        colors = self.base.small(step).astype(np.float32)
        soft = coverage(self.mask[step // 2 :: step, step // 2 :: step])
        height, width = min(len(colors), len(soft)), min(colors.shape[1], soft.shape[1])
        colors, soft = colors[:height, :width], soft[:height, :width]
        if self.above is not None:
            above = self.above.small(step)[:height, :width]
            colors = colors + soft[..., None] * (above - colors)
        return colors, soft


def _converted(above: Picture, window: Window, below: Picture) -> NDArray[Any]:
    """The colors (h,w,1 or 3) of a window of one picture as another one holds them."""
    channels = 3 if below.pixels.shape[2] > 2 else 1
    native = above.pixels[window.slices]
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
        clip: The composite; or the foreground, where there is a background.
        matte: White is foreground; `ALPHA` for the clip's own.
        background: What the foreground is pasted on, as it lies.
        resize_mask: Whether mattes of another size are brought to the clip's.

    Raises:
        PictureError: They differ in size, in rate or in length, as far as that is known beforehand.
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
        """How many frames there are; None where nothing says."""
        counts = [each.count for each in (self.base, self._matte, self.clip) if each is not None]
        return next((count for count in counts if count is not None), None)

    def moments(self) -> Iterator[Moment]:
        """From the first one on.

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
                    f"{shorter.name} ends after {number} frames, while {longer.name} goes on; "
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


def covered(mask: NDArray[Any]) -> Window | None:
    """What a mask (H,W) covers; None where it is black."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def without_noise(mask: NDArray[Any]) -> NDArray[Any]:
    """A mask (H,W) that is black where it covers next to nothing, as compressed ones do here and there."""
    level = NEGLIGIBLE * full_scale(mask.dtype)
    return np.where(mask > level, mask, mask.dtype.type(0))


def _check_same(base: Clip, other: Clip, role: str, *, any_size: bool) -> None:
    if (base.height, base.width) != (other.height, other.width) and not any_size:
        hint = ", or have it resized with --resize-mask (resize_mask=True)" if role == "matte" else ""
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
    """Moments of frames and masks that come one by one.

    Raises:
        PictureError: A mask is of another size, or one of both ends before the other.
    """
    for number, (shown, mask) in enumerate(zip_longest(clips, masks)):
        if shown is None or mask is None:
            ended = "masks" if mask is None else "frames"
            raise PictureError(f"There are only {number} {ended}; give a mask for each frame.")
        yield Moment(number, shown, without_noise(to_mask(mask, height, width)))
