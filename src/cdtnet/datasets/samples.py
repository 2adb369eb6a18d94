"""Data sets of composites, masks and real images, as downloaded: finding and reading samples.

`read_sample` raises DataError for a damaged file and names it; callers decide whether to continue without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, PictureError
from ..imaging import Picture, read_picture, to_mask
from .layouts import Found, find_samples
from .layouts import Sample as Sample
from .tree import Entry

BANDS = {"0–5 %": (0.0, 0.05), "5–15 %": (0.05, 0.15), "15–100 %": (0.15, 1.0)}
"""iHarmony4's groups by foreground ratio (Cong et al., 2020); a border belongs to the upper group."""


class Arrays(NamedTuple):
    """The pictures of one sample.

    Attributes:
        composite: (H, W, 3) uint8, the RGB values of the file.
        mask: (H, W) uint8, 255 is foreground and 0 background.
        real: (H, W, 3) uint8, like the composite, or None without ground truth.
    """

    composite: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    real: NDArray[np.uint8] | None


@dataclass(frozen=True)
class DataSet:
    """The contents of a data set.

    Attributes:
        root: The folder or archive.
        layout: The name of the layout, such as "iharmony4".
        samples: The usable samples that were requested.
        problems: What is missing, as sentences.
        notes: Further remarks, as sentences.
    """

    root: Path
    layout: str
    samples: tuple[Sample, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def open_dataset(
    root: Path, *, layout: str = "auto", split: str | None = None, subsets: Sequence[str] | None = None
) -> DataSet:
    """Find the samples of a data set, without opening pictures.

    Args:
        root: A folder, a zip or tar archive, which is read without unpacking, or a manifest file.
        layout: The name of a layout, or "auto" to recognize it.
        split: "train" or "test"; by default both, and samples in no list.
        subsets: The names of sub-sets; all by default.

    Raises:
        DataError: The root cannot be read, its layout is not recognized, or no requested sample exists.
    """
    root = Path(root)
    name, found = find_samples(root, layout, subsets)
    samples = tuple(sample for sample in found.samples if split in (None, sample.split))
    problems = tuple(problem.sentence for problem in found.problems if split in (None, problem.split))
    if not samples and not problems:
        raise DataError(_nothing(root, found, split, subsets))
    return DataSet(root, name, samples, problems, tuple(found.notes))


def _nothing(root: Path, found: Found, split: str | None, subsets: Sequence[str] | None) -> str:
    """Explain in a sentence why there are no samples."""
    if subsets is not None and not found.samples:
        return f"{root} has no sub-set {' or '.join(subsets)}; it has {', '.join(found.subsets) or 'none'}."
    splits = sorted({sample.split for sample in found.samples} - {""})
    if splits:
        return f"{root} has no samples for {split}; it has {' and '.join(splits)}."
    return f"{root} has no lists of training and test samples; leave out the split to use all of them."


def read_sample(sample: Sample) -> Arrays:
    """Read a sample's pictures at full resolution.

    The values are those of the files, as in the published evaluations: rotated by EXIF, reduced to 8 bits,
    without alpha and without color conversion. Masks keep their gray values.

    Raises:
        DataError: A file is missing or damaged, or their sizes differ; the message names them.
    """
    composite, mask = read_colors(sample.composite), _foreground(sample.mask)
    real = read_colors(sample.real) if sample.real else None
    sizes = {sample.composite: composite.shape[:2], sample.mask: mask.shape}
    if sample.real and real is not None:
        sizes[sample.real] = real.shape[:2]
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{entry} {width}×{height}" for entry, (height, width) in sizes.items())
        raise DataError(f"The pictures of a sample differ in size: {listed}.")
    return Arrays(composite, mask, real)


def resize_arrays(arrays: Arrays, size: int) -> Arrays:
    """Resize a sample's pictures to squares, as in the published evaluations.

    The interpolation is bilinear without a low-pass filter (OpenCV's INTER_LINEAR), rounded to integers.

    Args:
        arrays: The sample.
        size: The side of the squares in pixels.
    """
    composite, mask, real = arrays
    return Arrays(
        _squash(composite, size), _squash(mask, size), None if real is None else _squash(real, size)
    )


def foreground_ratio(mask: NDArray[Any]) -> float:
    """Return the share of the picture that is foreground, 0..1: the mean of the mask (H, W)."""
    return float(mask.mean(dtype=np.float64))


def read_entry(entry: Entry) -> Picture:
    """Read a picture in its native depth.

    Raises:
        DataError: The file is missing or damaged; the message names it.
    """
    return decode_entry(entry, entry.read())


def decode_entry(
    entry: Entry, data: bytes, *, color_space: str | None = None, profile: str | None = None
) -> Picture:
    """Decode a file's bytes to a picture in its native depth.

    Args:
        entry: The file, for messages.
        data: Its content.
        color_space: As for `read_picture`.
        profile: As for `read_picture`.

    Raises:
        DataError: The file is damaged; the message names it.
    """
    try:
        return read_picture(data, color_space=color_space, profile=profile, name=str(entry))
    except PictureError as error:
        raise DataError(str(error).replace("The given data", str(entry), 1)) from error


def read_colors(entry: Entry) -> NDArray[np.uint8]:
    """Read the 8-bit colors (H, W, 3) of a picture; DataError as from `read_entry`, or for NaN."""
    given = read_entry(entry).pixels
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise DataError(f"{entry} holds NaN or infinite values, which cannot be scored; replace them.")
    pixels = _eight_bit(given)
    colors = pixels[..., :1] if pixels.shape[2] < 3 else pixels[..., :3]
    return np.require(np.broadcast_to(colors, (*colors.shape[:2], 3)), requirements=["C", "W"])


def _foreground(entry: Entry) -> NDArray[np.uint8]:
    picture = read_entry(entry)
    try:
        mask = to_mask(picture, picture.height, picture.width)
    except PictureError as error:
        raise DataError(f"{entry}: {error}") from error
    return np.require(_eight_bit(mask), requirements=["C", "W"])


def _eight_bit(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint16:
        return (pixels >> 8).astype(np.uint8)
    if pixels.dtype == np.float32:
        return np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    return pixels


def _squash(array: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    import torch  # takes half a second, which listing a data set does not need
    from torch.nn import functional as F

    planes = torch.from_numpy(array).reshape(*array.shape[:2], -1).permute(2, 0, 1)[None].float()
    squares = F.interpolate(planes, (size, size), mode="bilinear", align_corners=False)
    result = squares[0].permute(1, 2, 0).round().to(torch.uint8).numpy()
    return np.ascontiguousarray(result.reshape(size, size, *array.shape[2:]))
