"""A mask that is slightly off is moved to an edge of the picture."""

import cv2
import numpy as np
import pytest

from cdtnet.imaging.alignment import align, contrast, steps

REACH = 5


@pytest.fixture
def picture():
    """A textured picture (120,160,3) with a brighter ellipse, and the ellipse's mask (120,160)."""
    random = np.random.default_rng(0)
    texture = cv2.GaussianBlur(random.uniform(0, 255, (120, 160, 3)).astype(np.float32), (0, 0), 3)
    inside = cv2.ellipse(np.zeros((120, 160), np.uint8), (80, 60), (40, 25), 20, 0, 360, 1, -1)
    return np.clip(texture + 60 * inside[..., None], 0, 255).astype(np.uint8), inside


def overlap(mask, inside):
    """Intersection over union."""
    covered = mask > 0.5
    return (covered & (inside > 0)).sum() / (covered | (inside > 0)).sum()


def widened(inside, pixels):
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    return (cv2.dilate if pixels > 0 else cv2.erode)(inside, disc)


@pytest.mark.parametrize("pixels", [-4, -2, 2, 4])
def test_a_mask_that_is_too_wide_or_too_narrow_is_put_back(picture, pixels):
    low, inside = picture
    off = widened(inside, pixels)
    found = align(steps(low), off, REACH)
    assert overlap(found.mask, inside) > 0.95 > overlap(off, inside)


def test_a_mask_that_is_shifted_is_put_back(picture):
    low, inside = picture
    off = np.roll(inside, (3, -2), (0, 1))
    assert overlap(align(steps(low), off, REACH).mask, inside) > 0.97 > overlap(off, inside)


def test_an_exact_mask_stays(picture):
    low, inside = picture
    found = align(steps(low), inside, REACH)
    np.testing.assert_array_equal(found.mask > 0.5, inside > 0)
    assert found.contrast == pytest.approx(contrast(steps(low), inside))
    assert found.peak > 1.5 > align(steps(low), widened(inside, 2), REACH).peak


def test_the_contrast_never_falls_and_the_mask_never_moves_further_than_it_may(picture):
    low, inside = picture
    random = np.random.default_rng(1)
    for _ in range(10):
        off = np.roll(widened(inside, int(random.integers(-6, 7)) or 1), random.integers(-9, 10, 2), (0, 1))
        found = align(steps(low), off, REACH)
        assert found.contrast >= contrast(steps(low), off)
        reached = widened(off, 3 * REACH)
        assert not (found.mask > 0.5)[reached == 0].any()


def test_a_mask_at_the_border_of_the_picture_does_not_come_in_at_the_other_side(picture):
    low, _ = picture
    off = np.zeros((120, 160), np.uint8)
    off[30:80, 110:] = 1
    assert not (align(steps(low), off, REACH).mask > 0.5)[:, :60].any()


def test_contrast_is_the_mean_difference_across_the_edge():
    low = np.zeros((4, 4, 3), np.uint8)
    low[:, 2:] = (10, 30, 20)
    inside = np.zeros((4, 4), np.uint8)
    inside[:, 2:] = 1
    assert contrast(steps(low), inside) == 30
    assert contrast(steps(low), np.zeros((4, 4))) == 0
