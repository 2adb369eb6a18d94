import numpy as np
import pytest

from cdtnet.evaluation import poisson
from cdtnet.evaluation.poisson import poisson_blending


@pytest.fixture
def real(random):
    return random.uniform(0.3, 0.6, (40, 50, 3))


@pytest.fixture
def mask(random):
    """A blob with a hole, a single pixel, and a strip along the picture's border."""
    mask = np.zeros((40, 50))
    mask[8:30, 10:38] = 1
    mask[15:18, 20:24] = 0
    mask[33, 5] = 1
    mask[35:, 30:] = 1
    return mask


def dense(composite, mask):
    """Solve Pérez's equations, pixel by pixel, as one dense system."""
    places = [tuple(place) for place in np.argwhere(mask > 0)]
    number = {place: i for i, place in enumerate(places)}
    matrix, right = np.zeros((len(places), len(places))), np.zeros((len(places), 3))
    for (y, x), i in number.items():
        for q in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= q[0] < mask.shape[0] and 0 <= q[1] < mask.shape[1]):
                continue
            matrix[i, i] += 1
            if q in number:
                matrix[i, number[q]] -= 1
            else:
                right[i] += composite[q]
            if mask[y, x] >= 0.9 and mask[q] >= 0.9:
                right[i] += composite[y, x] - composite[q]
    result = composite.copy()
    for place, color in zip(places, np.linalg.solve(matrix, right), strict=True):
        result[place] += mask[place] * (color.clip(0, 1) - result[place])
    return result


@pytest.mark.parametrize("coarsest", [400, 20])
def test_agrees_with_a_dense_solution(monkeypatch, real, mask, coarsest):
    monkeypatch.setattr(poisson, "COARSEST", coarsest)
    composite = np.where(mask[..., None] > 0, 0.7 * real + 0.1, real)
    result = poisson_blending(composite, mask)
    assert np.abs(result - composite).max() > 0.03
    assert result == pytest.approx(dense(composite, mask), abs=2e-5)


def test_soft_edges_agree_with_a_dense_solution(real, mask, random):
    mask[8:30, 10:12], mask[8:30, 36:38] = 0.3, 0.95
    composite = real + 0.2 * mask[..., None] * (real - 0.4)
    assert poisson_blending(composite, mask) == pytest.approx(dense(composite, mask), abs=2e-5)


def test_a_constant_offset_of_the_foreground_disappears(real, mask):
    """The result does not depend on a constant added to the foreground."""
    offset = mask[..., None] * [0.2, -0.1, 0.05]
    first, second = poisson_blending(real, mask), poisson_blending(real + offset, mask)
    assert second == pytest.approx(first, abs=5e-5)


def test_an_offset_from_a_flat_picture_is_undone(mask):
    real = np.full((40, 50, 3), 0.4)
    composite = real + mask[..., None] * [0.2, -0.1, 0.05]
    assert poisson_blending(composite, mask) == pytest.approx(real, abs=5e-5)


def test_a_ramp_between_two_fixed_colors():
    """A flat strip across a picture, between 0.2 and 0.8, becomes the linear ramp between them."""
    composite = np.full((6, 11, 3), 0.5)
    composite[:, 0], composite[:, -1] = 0.2, 0.8
    mask = np.zeros((6, 11))
    mask[:, 1:-1] = 1
    expected = np.broadcast_to(np.linspace(0.2, 0.8, 11)[:, None], (6, 11, 3))
    assert poisson_blending(composite, mask) == pytest.approx(expected, abs=1e-5)


def test_a_large_foreground_takes_few_steps(monkeypatch, random):
    """15 steps, as for small pictures: the largest error is a hundredth of a code."""
    composite = random.uniform(0.4, 0.6, (300, 300, 3)).astype(np.float32)
    mask = np.zeros((300, 300), np.float32)
    mask[10:290, 10:290] = 1
    exact = poisson_blending(composite, mask)
    monkeypatch.setattr(poisson, "MAX_STEPS", 20)
    assert np.array_equal(poisson_blending(composite, mask), exact)


@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full_masks_give_a_copy(real, mask, value):
    result = poisson_blending(real, np.full_like(mask, value))
    assert np.array_equal(result, real)
    assert not np.shares_memory(result, real)


def test_the_background_is_untouched_and_the_type_kept(real, mask):
    composite = real.astype(np.float32)
    before = composite.copy()
    result = poisson_blending(composite, mask.astype(np.float32))
    assert result.dtype == np.float32
    assert np.array_equal(result[mask == 0], composite[mask == 0])
    assert np.array_equal(composite, before)
