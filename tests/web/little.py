"""A composite that a model changes only slightly, whatever its weights."""

import warnings
from collections.abc import Iterator
from functools import cache

import numpy as np

from cdtnet import Harmonizer
from tests.web.app.process import disc, photo, ramp


@cache
def little_to_change(model: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (60,90,3) and (60,90), uint8: the first of many that the model hardly changes."""
    harmonizer = Harmonizer(model, "cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return next(each for each in _composites() if "Little" in (harmonizer(*each).remark or ""))


def _composites() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    wide = np.full((60, 90), 255, np.uint8)
    wide[:4] = 0
    noise = np.random.default_rng(7).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    for contrast in (4, 2, 8, 1, 16):
        for picture in (ramp(90, 60), noise, *(photo(90, 60, seed) for seed in range(6))):
            for level in (128, 0, 64, 192):
                for mask in (disc(90, 60), wide):
                    yield (level + (picture.astype(int) - level) // contrast).astype(np.uint8), mask
