import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdtnet.study.scores import (
    PRIOR,
    bootstrap_intervals,
    find_problem,
    fit_scores,
    information_intervals,
)


def table(**cells):
    """Make a table: table(AB=3) means that A was preferred over B three times."""
    names = sorted({name for pair in cells for name in pair})
    wins = np.zeros((len(names), len(names)))
    for (winner, loser), count in cells.items():
        wins[names.index(winner), names.index(loser)] = count
    return wins, tuple(names)


def test_two_methods_are_apart_by_the_log_odds():
    scores = fit_scores(table(AB=30, BA=10)[0])
    assert scores[0] - scores[1] == pytest.approx(np.log(3), abs=2e-3)
    assert scores.sum() == pytest.approx(0, abs=1e-12)


def test_a_ring_is_a_draw():
    assert fit_scores(table(AB=5, BC=5, CA=5)[0]) == pytest.approx(np.zeros(3), abs=1e-9)


def test_strengths_that_fit_exactly_are_found():
    strengths = np.array([4.0, 2.0, 1.0])  # wins that the model expects of 60 games a pair
    wins = 60 * strengths[:, None] / (strengths[:, None] + strengths) * (1 - np.eye(3))
    scores = fit_scores(wins)
    assert scores - scores[2] == pytest.approx(np.log(strengths), abs=3e-3)


def test_the_baseball_season_of_the_textbooks():
    """American League East, 1987 (Agresti, Categorical Data Analysis); abilities from R's BradleyTerry2."""
    wins = np.array(
        [  # Milwaukee, Detroit, Toronto, New York, Boston, Cleveland, Baltimore
            [0, 7, 9, 7, 7, 9, 11],
            [6, 0, 7, 5, 11, 9, 9],
            [4, 6, 0, 7, 7, 8, 12],
            [6, 8, 6, 0, 6, 7, 10],
            [6, 2, 6, 7, 0, 7, 12],
            [4, 4, 5, 6, 6, 0, 6],
            [2, 4, 1, 3, 1, 7, 0],
        ],
        float,
    )
    scores = fit_scores(wins)
    assert scores - scores[-1] == pytest.approx([1.581, 1.436, 1.294, 1.248, 1.108, 0.684, 0], abs=0.003)


def test_all_wins_stay_finite_and_are_pointed_out():
    wins, names = table(AB=20, AC=20, BC=10, CB=10)
    scores = fit_scores(wins)
    assert np.isfinite(scores).all()
    assert 2 < scores[0] - scores[1] < 12
    assert scores[1] == pytest.approx(scores[2])
    assert "over" not in (find_problem(*table(AB=1, BA=1)) or "")
    assert "another method to A," in find_problem(wins, names)


@settings(max_examples=200)
@given(st.integers(2, 6).flatmap(lambda n: st.lists(st.floats(0, 1e6), min_size=n * n, max_size=n * n)))
def test_the_fit_is_the_top_of_the_posterior(cells):
    size = int(len(cells) ** 0.5)
    wins = np.reshape(cells, (size, size)) * (1 - np.eye(size))
    scores = fit_scores(wins)
    chance = 1 / (1 + np.exp(scores[None] - scores[:, None]))
    gradient = (wins - (wins + wins.T) * chance).sum(1) - PRIOR * scores
    assert np.abs(gradient).max() < 1e-6 * max(1, wins.max())


def test_many_tables_at_once_equal_one_by_one(random):
    wins = random.integers(0, 9, (5, 4, 4)) * (1.0 - np.eye(4))
    assert fit_scores(wins) == pytest.approx(np.stack([fit_scores(one) for one in wins]), abs=1e-8)


def test_information_intervals_of_two_methods():
    low, high = information_intervals(table(AB=30, BA=10)[0])[0]
    error = np.sqrt(1 / 30 + 1 / 10) / 2  # of half the log odds
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=2e-3)
    assert (high + low) / 2 == pytest.approx(np.log(3) / 2, abs=2e-3)


def simulate(random, strengths, people, games, spread=0.0):
    """Make answers of people whose preferences differ from the mean by `spread`: (people, M, M)."""
    taste = strengths + spread * random.standard_normal((people, len(strengths)))
    upper = np.triu(np.ones((len(strengths), len(strengths))), 1)
    won = random.binomial(games, 1 / (1 + np.exp(taste[:, None, :] - taste[:, :, None]))) * upper
    return won + np.swapaxes((games - won) * upper, 1, 2)


def test_simulated_strengths_are_recovered(random):
    strengths = np.array([1.0, 0.3, -0.2, -1.1])
    scores = fit_scores(simulate(random, strengths, 400, 5).sum(0))
    assert scores == pytest.approx(strengths, abs=0.1)


@pytest.mark.parametrize("kind", ["bootstrap", "information"])
def test_intervals_cover(random, kind):
    strengths = np.array([0.8, 0.0, -0.8])
    covered = []
    for _ in range(60):
        wins = simulate(random, strengths, 30, 4)
        intervals = bootstrap_intervals(wins) if kind == "bootstrap" else information_intervals(wins.sum(0))
        covered.append((intervals[:, 0] < strengths) & (strengths < intervals[:, 1]))
    assert 0.88 < np.mean(covered) < 0.99


def test_the_bootstrap_knows_that_people_differ(random):
    wins = simulate(random, np.array([0.5, -0.5]), 30, 20, spread=1.0)
    wide, narrow = (
        np.diff(ends).mean() for ends in (bootstrap_intervals(wins), information_intervals(wins.sum(0)))
    )
    assert wide > 1.5 * narrow


def test_methods_never_compared_are_pointed_out():
    wins, names = table(AB=3, BA=1, CD=2, DC=2)
    assert "(A, B; C, D)" in find_problem(wins, names)
    wins, names = table(AB=3, BA=1, BC=2, CB=2)
    assert find_problem(wins, names) is None
    assert "(A, B; C)" in find_problem(np.pad(table(AB=3, BA=1)[0], (0, 1)), ("A", "B", "C"))


def test_a_group_that_never_loses_is_pointed_out():
    problem = find_problem(*table(AB=3, BA=1, AC=2, CD=1, DC=1))
    assert "another method to A, B," in problem
