"""How exact a mask is, by the contrast across its edge."""

import cv2
import numpy as np
import pytest

from cdtnet.imaging.contrast import contrast, peak, steps

REACH = 5


@pytest.fixture
def picture():
    """A textured picture (120,160,3) with a brighter ellipse, and the ellipse's mask (120,160)."""
    random = np.random.default_rng(0)
    texture = cv2.GaussianBlur(random.uniform(0, 255, (120, 160, 3)).astype(np.float32), (0, 0), 3)
    inside = cv2.ellipse(np.zeros((120, 160), np.uint8), (80, 60), (40, 25), 20, 0, 360, 1, -1)
    return np.clip(texture + 60 * inside[..., None], 0, 255).astype(np.uint8), inside


def widened(inside, pixels):
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    return (cv2.dilate if pixels > 0 else cv2.erode)(inside, disc)


def test_the_edge_of_an_exact_mask_has_more_contrast_than_those_beside_it(picture):
    low, inside = picture
    assert peak(steps(low), inside, REACH) > 1.5


@pytest.mark.parametrize("pixels", [-4, -2, 2, 4])
def test_the_edge_of_a_mask_that_is_too_wide_or_too_narrow_has_less(picture, pixels):
    low, inside = picture
    assert peak(steps(low), widened(inside, pixels), REACH) < 1


def test_a_mask_that_fills_the_picture_or_is_a_pixel_has_no_edge_beside_it():
    low = np.full((40, 40, 3), 100, np.uint8)
    for inside in (np.ones((40, 40), np.uint8), np.pad(np.ones((1, 1), np.uint8), (0, 39))):
        assert peak(steps(low), inside, REACH) < 1


def test_contrast_is_the_mean_difference_across_the_edge():
    low = np.zeros((4, 4, 3), np.uint8)
    low[:, 2:] = (10, 30, 20)
    inside = np.zeros((4, 4), np.uint8)
    inside[:, 2:] = 1
    assert contrast(steps(low), inside) == 30
    assert contrast(steps(low), np.zeros((4, 4))) == 0
