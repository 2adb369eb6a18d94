"""The share of foreground in a picture, and groups of pictures by it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BANDS = {"0–5 %": (0.0, 0.05), "5–15 %": (0.05, 0.15), "15–100 %": (0.15, 1.0)}
"""iHarmony4's groups by foreground ratio (Cong et al., 2020); a bound belongs to the upper group."""


def foreground_ratio(mask: NDArray[Any]) -> float:
    """Return the share of foreground in a picture, 0..1: the mean of the mask (H, W)."""
    return float(mask.mean(dtype=np.float64))
