import tracemalloc

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from cdtnet.evaluation import similarity as module
from cdtnet.evaluation.similarity import OFFICIAL, STANDARD, similarity

every_convention = pytest.mark.parametrize("convention", [STANDARD, OFFICIAL], ids=["standard", "official"])


@pytest.fixture
def pair():
    random = np.random.default_rng(1)
    target = random.uniform(40, 200, (23, 17, 3))
    return target + random.normal(0, 25, target.shape), target


@pytest.fixture
def mask():
    return np.random.default_rng(2).uniform(0, 1, (23, 17))


def scikit_image(prediction, target):
    """Compute the mean and map of the convention in scikit-image's documentation for Wang et al."""
    return structural_similarity(
        prediction.astype(np.float64),
        target.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
        full=True,
    )


def plain_loop(prediction, target, mask):
    """The official code's SSIM and fSSIM, pixel by pixel: 7×7 Gaussian weights over zeros around."""
    height, width = mask.shape
    low, high = prediction.min(), prediction.max()
    c1, c2 = (0.01 * (high - low)) ** 2, (0.03 * (high - low)) ** 2
    padded = [np.pad(picture, ((3, 3), (3, 3), (0, 0))) for picture in (prediction, target)]
    line = [np.exp(-((k - 3) ** 2) / 4.5) for k in range(7)]
    total = weighted = 0.0
    for y, x, c in np.ndindex(height, width, 3):
        a = b = aa = bb = ab = norm = 0.0
        for i, j in np.ndindex(7, 7):
            weight, p, t = line[i] * line[j], padded[0][y + i, x + j, c], padded[1][y + i, x + j, c]
            norm, a, b = norm + weight, a + weight * p, b + weight * t
            aa, bb, ab = aa + weight * p * p, bb + weight * t * t, ab + weight * p * t
        a, b, aa, bb, ab = a / norm, b / norm, aa / norm, bb / norm, ab / norm
        value = (2 * a * b + c1) * (2 * (ab - a * b) + c2)
        value /= (a * a + b * b + c1) * (aa - a * a + bb - b * b + c2)
        total, weighted = total + value, weighted + value * mask[y, x]
    return total / (3 * height * width), weighted / (3 * mask.sum())


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_standard_agrees_with_scikit_image(pair, mask, dtype):
    prediction, target = (picture.astype(dtype) for picture in pair)
    expected, values = scikit_image(prediction, target)
    weighted = (values * mask[..., None]).sum() / (3 * mask.sum())
    assert similarity(prediction, target, mask, STANDARD) == pytest.approx((expected, weighted), rel=1e-12)


def test_official_agrees_with_a_plain_loop(pair, mask):
    prediction, target = (picture[:12, :9] for picture in pair)
    expected = plain_loop(prediction, target, mask[:12, :9])
    assert similarity(prediction, target, mask[:12, :9], OFFICIAL) == pytest.approx(expected, rel=1e-10)


def test_values_computed_by_hand():
    """Flat pictures have no variance: SSIM is (2ab + c1) / (a² + b² + c1)."""
    prediction, target = np.full((20, 20, 3), 100.0), np.full((20, 20, 3), 120.0)
    expected = (24000 + 2.55**2) / (24400 + 2.55**2)
    assert similarity(prediction, target, np.eye(20), STANDARD) == pytest.approx((expected, expected))


@every_convention
@pytest.mark.parametrize("height", [11, 12, 20, 41])
def test_strips_equal_the_whole(monkeypatch, pair, convention, height):
    prediction, target = (np.tile(picture, (2, 1, 1))[:height] for picture in pair)
    mask = np.random.default_rng(3).uniform(0, 1, (height, 17))
    whole = similarity(prediction, target, mask, convention)
    for strip in (1, 3, 8):
        monkeypatch.setattr(module, "STRIP", strip)
        assert similarity(prediction, target, mask, convention) == pytest.approx(whole, rel=1e-12)


@every_convention
def test_identical_pictures_are_one(pair, mask, convention):
    assert similarity(pair[0], pair[0], mask, convention) == pytest.approx((1, 1))
    black = np.zeros((15, 15, 3))
    assert similarity(black, black, np.ones((15, 15)), convention) == (1, 1)


def test_without_foreground_it_is_one(pair):
    assert similarity(*pair, np.zeros((23, 17)), STANDARD).fssim == 1


def test_pictures_smaller_than_the_window_are_refused():
    with pytest.raises(ValueError, match="smaller than the window, 11×11"):
        similarity(*np.zeros((2, 10, 30, 3)), np.zeros((10, 30)), STANDARD)


def test_memory_does_not_grow_with_the_height(monkeypatch):
    monkeypatch.setattr(module, "THREADS", 1)
    picture = np.random.default_rng(4).integers(0, 256, (1536, 100, 3), dtype=np.uint8)
    mask = np.ones(picture.shape[:2], np.float32)
    peaks = []
    for height in (512, 1536):
        tracemalloc.start()
        similarity(picture[:height], picture[:height], mask[:height], STANDARD)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
