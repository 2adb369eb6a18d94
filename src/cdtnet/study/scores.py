"""Bradley–Terry scores, from the numbers of preferences.

Method i is preferred over j with probability 1 / (1 + exp(score_j − score_i)). Scores have mean 0;
"no difference" counts as half a win for each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PRIOR = 0.01  # precision of the normal prior on scores, which makes them finite and hardly changes them
MIN_BOOTSTRAP = 10  # least number of participants for bootstrap intervals
RESAMPLES = 2000


def fit_scores(wins: FloatArray) -> FloatArray:
    """Compute the maximum a posteriori scores by Newton's method.

    Args:
        wins: (…, M, M), how often the row's method was preferred over the column's; the diagonal is 0.

    Returns:
        (…, M), log-odds with mean 0.
    """
    games = wins + wins.swapaxes(-1, -2)
    scores = np.zeros(wins.shape[:-1])
    for _ in range(200):
        chance = _win_chance(scores)
        gradient = (wins - games * chance).sum(-1) - PRIOR * scores
        step = np.linalg.solve(_information(games, chance), gradient[..., None])[..., 0]
        step /= np.maximum(
            1.0, np.abs(step).max(-1, keepdims=True)
        )  # limit the step, because the quadratic approximation is only local
        scores += step
        if np.abs(step).max() < 1e-10:
            break
    return scores - scores.mean(-1, keepdims=True)


def bootstrap_intervals(wins: FloatArray) -> FloatArray:
    """Return 95 % percentile intervals over resampled participants with all their answers.

    Args:
        wins: (P, M, M) of each participant.

    Returns:
        (M, 2), lower and upper ends.
    """
    people = len(wins)
    drawn = np.random.default_rng(0).multinomial(people, np.full(people, 1 / people), size=RESAMPLES)
    scores = fit_scores(np.tensordot(drawn.astype(np.float64), wins, axes=1))
    return np.percentile(scores, (2.5, 97.5), axis=0).T


def information_intervals(wins: FloatArray) -> FloatArray:
    """Return 95 % intervals from the observed information, as if all answers were independent.

    Args:
        wins: (M, M), of all participants together.

    Returns:
        (M, 2), lower and upper ends.
    """
    scores = fit_scores(wins)
    centring = np.eye(len(wins)) - 1 / len(wins)
    information = _information(wins + wins.T, _win_chance(scores))
    covariance = centring @ np.linalg.inv(information) @ centring
    half = 1.959964 * np.sqrt(np.diagonal(covariance))
    return np.stack((scores - half, scores + half), axis=-1)


def find_problem(wins: FloatArray, methods: tuple[str, ...]) -> str | None:
    """Describe what the answers cannot determine: methods never compared, or always preferred.

    Args:
        wins: (M, M), of all participants together.
        methods: Their names.
    """
    linked = _reachable(wins + wins.T)
    groups = _distinct_rows(linked)
    if len(groups) > 1:
        named = "; ".join(", ".join(methods[k] for k in group) for group in groups)
        return (
            f"Methods on two sides of a semicolon were never compared, directly or through others ({named}); "
            "do not compare their scores, or collect more answers."
        )
    reaches = _reachable(wins)
    unbeaten = [
        group for group in _distinct_rows(reaches & reaches.T) if not reaches[:, group[0]].sum() > len(group)
    ]
    if len(unbeaten[0]) == len(methods):
        return None
    named = ", ".join(methods[k] for k in unbeaten[0])
    return (
        f"Nobody preferred another method to {named}, so its lead cannot be estimated; "
        "only a weak prior keeps its score finite."
    )


def _win_chance(scores: FloatArray) -> FloatArray:
    """Return the probability (…, M, M) that the row's method is preferred over the column's."""
    return 0.5 + 0.5 * np.tanh(0.5 * (scores[..., :, None] - scores[..., None, :]))


def _information(games: FloatArray, chance: FloatArray) -> FloatArray:
    """Return the negative second derivative of the log posterior, (…, M, M)."""
    weight = games * chance * (1 - chance)
    return np.eye(games.shape[-1]) * (weight.sum(-1) + PRIOR)[..., None] - weight


def _reachable(edges: FloatArray) -> NDArray[np.bool_]:
    """Return (M, M), whether a path of positive edges leads from row to column, or both are the same."""
    steps = (edges > 0) | np.eye(len(edges), dtype=bool)
    for _ in range(len(edges)):
        steps = steps @ steps
    return steps


def _distinct_rows(relation: NDArray[np.bool_]) -> list[list[int]]:
    """Return the classes of an equivalence relation as lists of indices."""
    return [list(np.flatnonzero(row)) for k, row in enumerate(relation) if np.argmax(row) == k]
