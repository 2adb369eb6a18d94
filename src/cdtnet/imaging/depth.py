"""What pixels hold: their channels, the full scale of each type, floats within 0..1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNELS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}
WITH_ALPHA = (2, 4)


def full_scale(dtype: np.dtype[Any]) -> int:
    """The value that stands for white or opaque: the largest of an integer type, 1 for floats."""
    return int(np.iinfo(dtype).max) if dtype.kind == "u" else 1


def unit(values: NDArray[Any]) -> NDArray[Any]:
    """Floats brought into 0..1; NaN becomes 0."""
    return np.where(np.isnan(values), np.float32(0), values).clip(0, 1)
