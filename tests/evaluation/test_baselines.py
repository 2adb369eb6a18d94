import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.exposure import match_histograms

from cdtnet.evaluation.baselines import histogram_matching, mkl, reinhard

every_method = pytest.mark.parametrize("method", [reinhard, histogram_matching, mkl])

COMPOSITES = arrays(np.float32, (5, 6, 3), elements=st.floats(0, 1, width=32))
MASKS = arrays(np.float32, (5, 6), elements=st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0]))


@pytest.fixture
def mask():
    mask = np.zeros((40, 50))
    mask[8:30, 10:38] = 1
    return mask


@pytest.fixture
def composite(mask):
    """Correlated colors away from 0 and 1, with different statistics in foreground and background."""
    rng = np.random.default_rng(4)
    mix = np.array([[0.9, 0.4, 0.2], [0.1, 0.8, 0.3], [0.3, 0.1, 0.5]])
    noise = rng.uniform(-1, 1, (*mask.shape, 3))
    foreground = [0.35, 0.5, 0.4] + 0.06 * noise @ mix
    background = [0.55, 0.45, 0.5] + 0.09 * noise @ mix.T
    return np.where(mask[..., None] == 1, foreground, background)


def lab(colors):
    """Convert to lαβ by the formulas of the paper."""
    red, green, blue = colors.T
    l, m, s = np.log10(  # noqa: E741
        [
            0.3811 * red + 0.5783 * green + 0.0402 * blue,
            0.1967 * red + 0.7244 * green + 0.0782 * blue,
            0.0241 * red + 0.1288 * green + 0.8444 * blue,
        ]
    )
    return np.stack([(l + m + s) / 3**0.5, (l + m - 2 * s) / 6**0.5, (l - m) / 2**0.5], axis=1)


@every_method
@settings(max_examples=60)
@given(composite=COMPOSITES, mask=MASKS)
def test_any_picture_stays_finite_in_range_and_untouched_outside(method, composite, mask):
    before = composite.copy()
    result = method(composite, mask)
    assert result.shape == composite.shape
    assert result.dtype == composite.dtype
    assert result.min() >= 0
    assert result.max() <= 1
    assert np.array_equal(result[mask == 0], composite[mask == 0])
    assert np.array_equal(composite, before)


@every_method
@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full_masks_give_a_copy(method, composite, mask, value):
    result = method(composite, np.full_like(mask, value))
    assert np.array_equal(result, composite)
    assert not np.shares_memory(result, composite)


@every_method
@pytest.mark.parametrize("foreground", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("background", [None, 0.0, 0.6, 1.0])
def test_flat_regions_stay_finite(method, composite, mask, foreground, background):
    if foreground is not None:
        composite[mask == 1] = foreground
    if background is not None:
        composite[mask == 0] = background
    result = method(composite, mask)
    assert np.isfinite(result).all()
    if background is not None:  # and then the foreground has one color to go to
        assert result[mask == 1].mean(0) == pytest.approx([background] * 3, abs=5e-3)


@every_method
def test_one_odd_pixel_in_a_flat_foreground_stays_finite(method):
    # The pixel is 300 standard deviations bright; Reinhard's power of ten would overflow unlimited.
    composite, mask = np.full((300, 301, 3), 0.01), np.ones((300, 301))
    composite[0, 0], mask[:, -1] = 1, 0
    composite[:, -1] = np.arange(300)[:, None] % 2
    result = method(composite, mask)
    assert result.min() >= 0
    assert result.max() <= 1


@every_method
def test_matching_statistics_change_nothing(method):
    half = np.random.default_rng(5).uniform(0.1, 0.9, (20, 20, 3))
    composite = np.concatenate([half, half[::-1]], axis=1)
    mask = np.concatenate([np.ones((20, 20)), np.zeros((20, 20))], axis=1)
    assert method(composite, mask) == pytest.approx(composite, abs=1e-9)


@every_method
def test_soft_pixels_count_and_blend_by_their_share(method):
    """A mask of quarters acts as a hard mask on four copies of each pixel, as many of them inside."""
    rng = np.random.default_rng(6)
    composite = rng.uniform(0.2, 0.8, (1, 50, 3))
    quarters = rng.permutation(np.arange(50) % 5)
    repeated = np.concatenate([composite.repeat(quarters, 1), composite.repeat(4 - quarters, 1)], 1)
    hard = method(repeated, np.repeat([[1.0, 0.0]], 100, axis=1))
    soft = method(composite, quarters[np.newaxis] / 4)

    recolored = composite.repeat(quarters, 1) * (1 - quarters.repeat(quarters)[:, None] / 4)
    recolored += hard[:, :100] * quarters.repeat(quarters)[:, None] / 4
    assert soft.repeat(quarters, 1) == pytest.approx(recolored, abs=1e-9)


@every_method
def test_single_precision_agrees_with_double(method, composite, mask):
    single = method(composite.astype(np.float32), mask.astype(np.float32))
    assert single == pytest.approx(
        method(composite, mask), abs=2e-3 if method is histogram_matching else 1e-6
    )


def test_reinhard_matches_mean_and_deviation_in_lab(composite, mask):
    result = lab(reinhard(composite, mask)[mask == 1])
    background = lab(composite[mask == 0])
    assert result.mean(0) == pytest.approx(background.mean(0), abs=1e-9)
    assert result.std(0) == pytest.approx(background.std(0), rel=1e-3)


def test_mkl_matches_mean_and_covariance(composite, mask):
    result, background = mkl(composite, mask)[mask == 1], composite[mask == 0]
    assert result.mean(0) == pytest.approx(background.mean(0), abs=1e-12)
    assert np.cov(result.T) == pytest.approx(np.cov(background.T), abs=1e-5)


def test_mkl_is_a_symmetric_positive_map(composite, mask):
    """Of all linear maps to the same covariance, the symmetric one has the least transport cost."""
    source, result = composite[mask == 1], mkl(composite, mask)[mask == 1]
    transfer = np.linalg.lstsq(source - source.mean(0), result - result.mean(0), rcond=None)[0]
    assert transfer == pytest.approx(transfer.T, abs=1e-9)
    assert np.linalg.eigvalsh(transfer).min() > 0


def test_mkl_scales_each_channel_when_they_are_independent(mask):
    """Diagonal covariances have a closed form: the ratio of the deviations."""
    levels = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T  # uncorrelated, variance 1
    composite = np.concatenate([0.4 + 0.1 * levels, 0.5 + levels * [0.2, 0.1, 0.05]])[np.newaxis]
    result = mkl(composite, np.repeat([[1.0, 0.0]], 8, axis=1))
    assert result[0, :8] == pytest.approx(0.5 + levels * [0.2, 0.1, 0.05], abs=1e-4)


@pytest.mark.parametrize("codes", [None, 255])
def test_histogram_matching_agrees_with_scikit_image(composite, mask, codes):
    if codes:
        composite = np.round(composite * codes) / codes
    foreground, background = composite[mask == 1], composite[mask == 0]
    expected = match_histograms(foreground[:, None], background[:, None], channel_axis=-1)[:, 0]
    assert histogram_matching(composite, mask)[mask == 1] == pytest.approx(expected, abs=1e-9)
