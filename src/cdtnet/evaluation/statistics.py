"""Means, shares and intervals from the scores of composites, over all of them or a group."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from ..datasets.samples import BANDS
from .metrics import METRICS
from .results import UNTOUCHED, Evaluation, FloatArray

Chosen = NDArray[np.bool_]

COLUMNS = (*METRICS, "fmse_left", "worse")
"""The columns of a summary: the mean of each metric, and two shares.

"fmse_left" is the mean fMSE divided by that of the unchanged composites. "worse" is the share of composites
whose MSE is higher than that of the unchanged composite, 0..1.
"""

RESAMPLES = 1000


class Estimate(NamedTuple):
    """A value and its 95 % interval, by resampling, or exact for "worse"; NaN for too few composites."""

    value: float
    low: float
    high: float


def summarize(evaluation: Evaluation, chosen: Chosen | None = None) -> dict[str, dict[str, Estimate]]:
    """Estimate each of `COLUMNS` for each method from the same resamples.

    Args:
        evaluation: The evaluation.
        chosen: (N,), whether each composite is included; all by default.
    """
    metrics = [name for name in METRICS if name in evaluation.values[UNTOUCHED]]
    columns = [*(evaluation.values[m][name] for m in evaluation.methods for name in metrics)]
    means = _resampled_means(np.stack(columns, axis=1), chosen)
    scores = means.reshape(-1, len(evaluation.methods), len(metrics))
    fmse = scores[:, :, metrics.index("fmse")]
    with np.errstate(invalid="ignore", divide="ignore"):
        left = fmse / fmse[:, [evaluation.methods.index(UNTOUCHED)]]
    mse = {method: values["mse"] for method, values in evaluation.values.items()}
    return {
        method: {
            **{name: _estimate(scores[:, i, j]) for j, name in enumerate(metrics)},
            "fmse_left": _estimate(left[:, i]),
            "worse": _share(mse[method] > mse[UNTOUCHED], chosen, exact=method != UNTOUCHED),
        }
        for i, method in enumerate(evaluation.methods)
    }


def difference(evaluation: Evaluation, method: str, other: str, metric: str = "fmse") -> Estimate:
    """Estimate the mean difference of a metric between two methods on the same composites.

    The methods differ if the interval excludes 0.
    """
    apart = evaluation.values[method][metric] - evaluation.values[other][metric]
    return _estimate(_resampled_means(apart[:, None])[:, 0])


def by_subset(evaluation: Evaluation) -> dict[str, Chosen]:
    """Return the composites (N,) of each sub-set, in order."""
    names = [composite.subset for composite in evaluation.composites]
    return {name: np.array([name == other for other in names]) for name in dict.fromkeys(names)}


def by_foreground(evaluation: Evaluation) -> dict[str, Chosen]:
    """Return the composites (N,) with a share of foreground in each of `BANDS`."""
    ratios = np.array([composite.foreground_ratio for composite in evaluation.composites])
    return {name: (ratios >= low) & ((ratios < high) | (high == 1)) for name, (low, high) in BANDS.items()}


def _resampled_means(columns: FloatArray, chosen: Chosen | None = None) -> FloatArray:
    """Return means (1 + RESAMPLES, K) of columns (N, K): of the composites, then of resamples."""
    columns = columns if chosen is None else columns[chosen]
    count = len(columns)
    random = np.random.default_rng(0)
    means = np.full((1 + RESAMPLES, columns.shape[1]), np.nan)
    if count:
        means[0] = columns.mean(axis=0)
    if count < 2:
        return means
    with np.errstate(invalid="ignore"):  # 0 times infinity
        for row in means[1:]:
            row[:] = np.bincount(random.integers(0, count, count), minlength=count) @ columns / count
    return means


def _share(hits: Chosen, chosen: Chosen | None, *, exact: bool) -> Estimate:
    """Return the share of composites (N,) that are 1, and the interval of Clopper and Pearson.

    For 0 of 30, resampling would give an interval of 0 to 0 %; the exact interval is 0 to 11.6 %.
    """
    hits = hits if chosen is None else hits[chosen]
    count, found = len(hits), float(hits.sum())
    if count < 2:
        return Estimate(float(hits.mean()) if count else np.nan, np.nan, np.nan)
    if not exact:  # the unchanged composite, which is never worse than itself
        return Estimate(found / count, found / count, found / count)
    low = float(betaincinv(found, count - found + 1, 0.025)) if found else 0.0
    high = float(betaincinv(found + 1, count - found, 0.975)) if found < count else 1.0
    return Estimate(found / count, low, high)


def _estimate(means: FloatArray) -> Estimate:
    """Make an estimate from the mean and those of resamples (1 + RESAMPLES,)."""
    low, high = np.quantile(means[1:], (0.025, 0.975)) if np.isfinite(means).all() else (np.nan, np.nan)
    return Estimate(float(means[0]), float(low), float(high))
