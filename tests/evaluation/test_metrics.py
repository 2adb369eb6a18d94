import math

import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from cdtnet.datasets.samples import foreground_ratio
from cdtnet.evaluation.difference import delta_e
from cdtnet.evaluation.metrics import (
    METRICS,
    decibels,
    fmse,
    mse,
    mse_inside,
    score,
)
from cdtnet.evaluation.similarity import OFFICIAL, STANDARD, similarity


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    target = rng.uniform(0, 200, (23, 17, 3))
    return target + rng.normal(0, 9, target.shape), target


@pytest.fixture
def soft_mask():
    return np.random.default_rng(2).uniform(0, 1, (23, 17))


def constant(value, shape=(4, 5, 3)):
    return np.full(shape, float(value))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_scikit_image(pair, dtype):
    prediction, target = (picture.astype(dtype) for picture in pair)
    exact = [picture.astype(np.float64) for picture in (target, prediction)]
    assert mse(prediction, target) == pytest.approx(mean_squared_error(*exact), rel=1e-12)
    expected = peak_signal_noise_ratio(*exact, data_range=255)
    assert decibels(mse(prediction, target), 255) == pytest.approx(expected, abs=1e-6)
    expected = peak_signal_noise_ratio(*exact, data_range=float(target.max()))
    assert decibels(mse(prediction, target), target.max()) == pytest.approx(expected, abs=1e-6)


def test_agrees_with_a_plain_loop(pair, soft_mask):
    prediction, target = pair
    total = weighted = weight = 0.0
    for y, x in np.ndindex(soft_mask.shape):
        weight += soft_mask[y, x]
        for c in range(3):
            error = (prediction[y, x, c] - target[y, x, c]) ** 2
            total += error
            weighted += soft_mask[y, x] * error
    assert mse(prediction, target) == pytest.approx(total / target.size, rel=1e-12)
    assert fmse(prediction, target, soft_mask) == pytest.approx(weighted / (3 * weight + 1e-6), rel=1e-12)


def test_values_computed_by_hand():
    target, prediction = constant(100), constant(100)
    prediction[0, 0] += [6, 0, 8]  # 100 in all, over 60 values
    mask = np.zeros((4, 5))
    mask[0, 0], mask[0, 1] = 1, 0.25
    assert mse(prediction, target) == pytest.approx(100 / 60)
    assert fmse(prediction, target, mask) == pytest.approx(100 / 3.75, rel=1e-6)
    assert decibels(mse(prediction, target), 255) == pytest.approx(
        20 * math.log10(255) - 10 * math.log10(100 / 60)
    )
    assert decibels(mse(prediction, target), target.max()) == pytest.approx(40 - 10 * math.log10(100 / 60))
    assert decibels(fmse(prediction, target, mask), 255) == pytest.approx(
        20 * math.log10(255) - 10 * math.log10(100 / 3.75)
    )
    assert foreground_ratio(mask) == pytest.approx(1.25 / 20)


def test_fmse_of_a_hard_mask_is_the_mse_of_the_crop(pair):
    prediction, target = pair
    crop = (slice(3, 12), slice(5, 16))
    mask = np.zeros(target.shape[:2])
    mask[crop] = 1
    assert fmse(prediction, target, mask) == pytest.approx(mse(prediction[crop], target[crop]), rel=1e-8)


def test_fmse_without_foreground_is_zero(pair):
    assert fmse(*pair, np.zeros((23, 17))) == 0


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_masks_of_any_type_weigh_the_same(pair, dtype):
    mask = np.random.default_rng(3).uniform(size=(23, 17)) > 0.5
    assert fmse(*pair, mask.astype(dtype)) == pytest.approx(fmse(*pair, mask.astype(float)), rel=1e-12)
    assert foreground_ratio(mask.astype(dtype)) == pytest.approx(mask.sum() / mask.size)


def test_identical_pictures_have_the_psnr_that_the_epsilon_leaves(pair):
    best = 20 * math.log10(255) + 60
    assert decibels(mse(pair[1], pair[1]), 255) == pytest.approx(best)
    assert decibels(fmse(pair[1], pair[1], np.ones((23, 17))), 255) == pytest.approx(best)
    assert decibels(0, 100) == pytest.approx(40 + 60)


def test_black_target_has_no_peak():
    assert decibels(1, 0) == -math.inf


def test_eight_bit_differences_do_not_wrap():
    dark, light = constant(3).astype(np.uint8), constant(250).astype(np.uint8)
    assert mse(dark, light) == mse(light, dark) == 247**2


def test_float32_is_accumulated_in_float64():
    prediction = np.full((2000, 2000, 3), 0.1, np.float32)
    target, mask = np.zeros_like(prediction), np.ones((2000, 2000), np.float32)
    expected = float(np.float32(0.1)) ** 2
    naive = np.square(prediction).mean(axis=(0, 1))
    assert (abs(naive / expected - 1) > 5e-3).all()  # or the array is too small to show anything
    assert mse(prediction, target) == pytest.approx(expected, rel=1e-9)
    assert fmse(prediction, target, mask) == pytest.approx(expected, rel=1e-9)
    assert foreground_ratio(mask * np.float32(0.1)) == pytest.approx(float(np.float32(0.1)), rel=1e-9)


@pytest.mark.parametrize("metric", [fmse, mse_inside, score, lambda *given: similarity(*given, STANDARD)])
def test_pictures_of_different_shape_are_refused(metric):
    with pytest.raises(ValueError, match="differ in shape"):
        metric(constant(1), constant(1, (4, 5, 1)), np.ones((4, 5)))


def test_strips_do_not_matter():
    random = np.random.default_rng(7)
    prediction, target = random.uniform(0, 255, (2, 300, 8, 3))
    mask = random.uniform(0, 1, (300, 8))
    whole = np.square(prediction - target)
    assert mse(prediction, target) == pytest.approx(whole.mean(), rel=1e-12)
    expected = (whole * mask[..., None]).sum() / (3 * mask.sum() + 1e-6)
    assert fmse(prediction, target, mask) == pytest.approx(expected, rel=1e-12)


def test_inside_counts_errors_of_the_foreground_over_the_whole_frame():
    target, mask = np.zeros((4, 5, 3)), np.zeros((4, 5))
    prediction = np.full((4, 5, 3), 7.0)  # of the background too, which does not count
    prediction[0, 0], prediction[0, 1] = (1, 2, 3), (4, 0, 0)
    mask[0, 0], mask[0, 1] = 1, 0.5
    assert mse_inside(prediction, target, mask) == pytest.approx((1 + 4 + 9 + 0.5 * 16) / 60)
    assert decibels(mse_inside(prediction, target, mask), 255) == pytest.approx(
        10 * np.log10(255**2 / (22 / 60)), abs=1e-4
    )


def test_score_is_every_metric(pair, soft_mask):
    scores = score(*pair, soft_mask)
    assert tuple(scores) == METRICS
    errors = mse(*pair), fmse(*pair, soft_mask), mse_inside(*pair, soft_mask)
    assert [scores[name] for name in ("mse", "fmse", "mse_inside")] == pytest.approx(errors)
    ratios = [decibels(error, 255) for error in errors]
    assert [scores[name] for name in ("psnr", "fpsnr", "psnr_inside")] == pytest.approx(ratios)
    assert scores["psnr_official"] == pytest.approx(decibels(errors[0], pair[1].max()))
    assert (scores["ssim"], scores["fssim"]) == pytest.approx(similarity(*pair, soft_mask, STANDARD))
    official = similarity(*pair, soft_mask, OFFICIAL)
    assert (scores["ssim_official"], scores["fssim_official"]) == pytest.approx(official)
    assert (scores["delta_e"], scores["fdelta_e"]) == pytest.approx(delta_e(*pair, soft_mask))
