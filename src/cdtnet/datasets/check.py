"""Checking that a data set is complete and all its pictures can be read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import DataError
from ..imaging import describe
from .layouts import Sample, find_samples
from .samples import BANDS, foreground_ratio, read_sample


class Reading(NamedTuple):
    """The result of reading one sample.

    Attributes:
        sample: The sample.
        error: Why it cannot be read, or None; the other fields are then undefined.
        megapixels: Its size in millions of pixels.
        foreground: The share of foreground in the picture, 0..1.
        doubt: What is unusual about its mask, or None.
    """

    sample: Sample
    error: str | None = None
    megapixels: float = 0.0
    foreground: float = 0.0
    doubt: str | None = None


@dataclass(frozen=True)
class Count:
    """The numbers of usable and unusable samples of one sub-set and split."""

    subset: str
    split: str
    usable: int
    unusable: int


@dataclass(frozen=True)
class Report:
    """The result of a check; all lists contain sentences.

    Attributes:
        root: The data set.
        layout: The name of its layout.
        counts: The numbers of samples, by sub-set and split.
        missing: Files of the data set that do not exist.
        damaged: Files that cannot be read.
        doubtful: Masks without foreground or background.
        notes: Further remarks.
        without_real: The number of usable composites without ground truth.
        megapixels: The smallest, median and largest size, or None if nothing was opened.
        foreground: The shares of composites whose foreground covers 0-5, 5-15 and 15-100 % of the picture, or
            None if nothing was opened.
    """

    root: str
    layout: str
    counts: list[Count]
    missing: list[str]
    damaged: list[str]
    doubtful: list[str]
    notes: list[str]
    without_real: int
    megapixels: list[float] | None
    foreground: list[float] | None


Watch = Callable[[Iterator[Reading], int], Iterable[Reading]]


def check_dataset(
    root: Path,
    *,
    layout: str = "auto",
    subsets: Sequence[str] | None = None,
    fast: bool = False,
    watch: Watch = lambda readings, total: readings,
) -> Report:
    """Check what a data set contains, what is missing, and what cannot be read.

    Args:
        root: A folder, archive or manifest.
        layout: The name of a layout, or "auto".
        subsets: The names of sub-sets; all by default.
        fast: Whether to check only that the files exist, without opening them.
        watch: Called with the iterator of readings and their number; returns an iterator, for a progress bar.

    Raises:
        DataError: As from `open_dataset`.
    """
    name, found = find_samples(root, layout, subsets)
    readings = [] if fast else list(watch(_read(found.samples), len(found.samples)))
    damaged = [reading for reading in readings if reading.error]
    good = [reading for reading in readings if not reading.error]
    unusable = Counter((problem.subset, problem.split) for problem in found.problems)
    unusable.update((reading.sample.subset, reading.sample.split) for reading in damaged)
    usable = Counter((sample.subset, sample.split) for sample in found.samples)
    usable.subtract((reading.sample.subset, reading.sample.split) for reading in damaged)
    without_real = sum(sample.real is None for sample in found.samples)
    return Report(
        root=str(root),
        layout=name,
        counts=[Count(*key, usable[key], unusable[key]) for key in sorted({*usable, *unusable})],
        missing=[problem.sentence for problem in found.problems],
        damaged=[reading.error for reading in damaged if reading.error],
        doubtful=[f"{reading.sample.mask}: {reading.doubt}" for reading in good if reading.doubt],
        notes=found.notes,
        without_real=without_real - sum(reading.sample.real is None for reading in damaged),
        megapixels=np.quantile([each.megapixels for each in good], [0, 0.5, 1]).tolist() if good else None,
        foreground=_shares([reading.foreground for reading in good]),
    )


def _read(samples: Sequence[Sample]) -> Iterator[Reading]:
    pool = ThreadPoolExecutor(min(16, os.cpu_count() or 1))
    try:
        yield from pool.map(_measure, samples)
    finally:
        pool.shutdown(cancel_futures=True)


def _measure(sample: Sample) -> Reading:
    try:
        mask = read_sample(sample).mask
    except DataError as error:
        return Reading(sample, str(error))
    return Reading(sample, None, mask.size / 1e6, foreground_ratio(mask) / 255, describe(mask))


def _shares(foreground: Sequence[float]) -> list[float] | None:
    if not foreground:
        return None
    bounds = [low for low, _ in BANDS.values()][1:]
    classes = np.bincount(np.digitize(foreground, bounds), minlength=len(BANDS))
    return [float(share) for share in classes / len(foreground)]
