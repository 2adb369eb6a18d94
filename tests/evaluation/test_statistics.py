import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from cdtnet.evaluation.results import Composite, Evaluation
from cdtnet.evaluation.statistics import by_foreground, by_subset, difference, summarize


def evaluation(values, ratios=None, subsets=None):
    count = len(values["composite"]["mse"])
    composites = tuple(
        Composite(f"{i}.jpg", subsets[i] if subsets else "", ratios[i] if ratios else 0.1)
        for i in range(count)
    )
    arrays = {m: {k: np.array(v, float) for k, v in table.items()} for m, table in values.items()}
    return Evaluation("set", "pairs", "test", 256, False, composites, arrays)


@pytest.fixture
def scores():
    random = np.random.default_rng(0)
    before = random.gamma(2, 100, 200)
    after = before * random.uniform(0.1, 1.2, 200)
    return evaluation(
        {
            "composite": {"mse": before / 9, "fmse": before},
            "ours": {"mse": after / 9, "fmse": after},
        }
    )


def test_means_and_shares_computed_by_hand():
    found = summarize(
        evaluation(
            {
                "composite": {"mse": [1, 2, 3, 4], "fmse": [10, 20, 30, 40]},
                "ours": {"mse": [2, 2, 1, 1], "fmse": [20, 20, 10, 0]},
            }
        )
    )
    assert {name: estimate.value for name, estimate in found["ours"].items()} == {
        "mse": 1.5,
        "fmse": 12.5,
        "fmse_left": 0.5,
        "worse": 0.25,
    }
    assert found["composite"]["fmse_left"] == (1, 1, 1)
    assert found["composite"]["worse"] == (0, 0, 0)


def test_intervals_agree_with_scipy(scores):
    found = summarize(scores)["ours"]["fmse"]
    expected = bootstrap(
        (scores.values["ours"]["fmse"],), np.mean, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.06 * width)
    assert found.high == pytest.approx(expected.high, abs=0.06 * width)


@pytest.mark.parametrize(("worse", "count"), [(0, 30), (3, 40), (30, 30)])
def test_the_share_that_is_made_worse_has_an_exact_interval(worse, count):
    before, after = np.full(count, 2.0), np.r_[np.full(worse, 3.0), np.full(count - worse, 1.0)]
    scores = {"composite": {"mse": before, "fmse": before}, "ours": {"mse": after, "fmse": after}}
    value, low, high = summarize(evaluation(scores))["ours"]["worse"]
    expected = binomtest(worse, count).proportion_ci(method="exact")
    assert (value, low, high) == pytest.approx((worse / count, expected.low, expected.high))


def test_none_of_thirty_made_worse_is_not_certain():
    ones = [1.0] * 30
    scores = {"composite": {"mse": ones, "fmse": ones}, "ours": {"mse": ones, "fmse": ones}}
    assert summarize(evaluation(scores))["ours"]["worse"] == pytest.approx((0, 0, 0.116), abs=5e-4)


def test_the_ratio_of_means_is_resampled_in_pairs(scores):
    before, after = scores.values["composite"]["fmse"], scores.values["ours"]["fmse"]
    found = summarize(scores)["ours"]["fmse_left"]
    expected = bootstrap(
        (after, before),
        lambda a, b, axis: a.mean(axis) / b.mean(axis),
        paired=True,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.06 * width)
    assert found.high == pytest.approx(expected.high, abs=0.06 * width)


def test_a_paired_difference_is_sharper_than_the_means(scores):
    found, means = difference(scores, "ours", "composite"), summarize(scores)
    assert found.value == pytest.approx(means["ours"]["fmse"].value - means["composite"]["fmse"].value)
    assert found.low < found.value < found.high < 0
    assert means["composite"]["fmse"].high - means["composite"]["fmse"].low > found.high - found.low
    assert difference(scores, "ours", "ours") == (0, 0, 0)


def test_it_is_the_same_every_time(scores):
    assert summarize(scores) == summarize(scores)


def test_groups():
    found = evaluation(
        {"composite": {"mse": [1, 2, 3, 4, 5], "fmse": [1, 2, 3, 4, 5]}},
        ratios=[0.0, 0.05, 0.1499, 0.15, 1.0],
        subsets=["b", "a", "b", "a", "a"],
    )
    assert {name: chosen.tolist() for name, chosen in by_subset(found).items()} == {
        "b": [True, False, True, False, False],
        "a": [False, True, False, True, True],
    }
    bands = by_foreground(found)
    assert [chosen.nonzero()[0].tolist() for chosen in bands.values()] == [[0], [1, 2], [3, 4]]
    assert summarize(found, bands["5–15 %"])["composite"]["mse"].value == 2.5


def test_an_empty_group_has_no_mean(scores):
    found = summarize(scores, np.zeros(200, bool))["ours"]
    assert np.isnan([*found["mse"], *found["fmse_left"], *found["worse"]]).all()


def test_a_single_composite_has_no_interval(scores):
    found = summarize(scores, np.arange(200) == 3)["ours"]["fmse"]
    assert found.value == scores.values["ours"]["fmse"][3]
    assert np.isnan([found.low, found.high]).all()


def test_an_infinite_value_has_no_interval(scores):
    scores.values["ours"]["mse"][3] = -np.inf
    found = summarize(scores)["ours"]["mse"]
    assert found.value == -np.inf
    assert np.isnan(found.low)
