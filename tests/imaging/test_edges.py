"""Masks with grown, shrunk and softened edges, compared with definitions computed pixel by pixel."""

import numpy as np
import pytest

import cdtnet
from cdtnet import PictureError
from cdtnet.imaging.edges import adjust_mask, invert_mask, reach


def disc(radius, size=41, center=(20, 20)):
    y, x = np.mgrid[:size, :size]
    return ((y - center[0]) ** 2 + (x - center[1]) ** 2 <= radius**2).astype(np.uint8) * 255


def around(mask, radius, choose):
    """Return the maximum or minimum over a disc around each pixel, within the mask."""
    result = np.zeros_like(mask)
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            near = [
                mask[y + j, x + i]
                for j in range(-radius, radius + 1)
                for i in range(-radius, radius + 1)
                if j * j + i * i <= radius * radius and 0 <= y + j < height and 0 <= x + i < width
            ]
            result[y, x] = choose(near)
    return result


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_growing_and_shrinking_take_the_extremes_of_a_disc(random, radius):
    mask = np.where(random.random((23, 31)) < 0.1, random.integers(0, 256, (23, 31)), 0).astype(np.uint8)
    np.testing.assert_array_equal(adjust_mask(mask, grow=radius), around(mask, radius, max))
    np.testing.assert_array_equal(adjust_mask(255 - mask, grow=-radius), around(255 - mask, radius, min))


def test_what_reaches_the_border_is_not_shrunk_from_there():
    mask = np.zeros((20, 20), np.uint8)
    mask[:, :10] = 255
    shrunk = adjust_mask(mask, grow=-3)
    assert (shrunk[:, :7] == 255).all()
    assert not shrunk[:, 7:].any()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_feathering_keeps_type_and_area_and_is_half_at_the_edge(dtype):
    white = 1 if dtype == "float32" else np.iinfo(dtype).max
    mask = np.zeros((60, 60), dtype)
    mask[:, :30] = white
    soft = adjust_mask(mask, feather=6)
    assert soft.dtype == mask.dtype
    row = soft[30].astype(float) / white
    assert row[29] + row[30] == pytest.approx(1, abs=0.02)
    assert (np.diff(row) <= 0).all()
    assert row[29 - 6] > 0.97
    assert row[30 + 6] < 0.03
    assert not row[30 + reach(6) + 1 :].any()


def test_far_from_the_edge_nothing_changes_and_the_mask_given_stays():
    mask = disc(8)
    before = mask.copy()
    adjusted = adjust_mask(mask, grow=2, feather=2)
    np.testing.assert_array_equal(mask, before)
    assert adjusted[20, 20] == 255
    assert not adjusted[:5].any()
    assert not adjust_mask(np.zeros((5, 5), np.uint8), grow=3, feather=3).any()


def test_inverting_twice_gives_the_mask_again(random):
    for mask in (random.integers(0, 65536, (5, 7)).astype(np.uint16), disc(3)):
        np.testing.assert_array_equal(invert_mask(invert_mask(mask)), mask)


def test_a_harmonizer_uses_the_edge_that_is_asked_for(random, weights):
    picture = random.integers(0, 256, (41, 41, 3), dtype=np.uint8)
    harmonizer = cdtnet.Harmonizer(weights, "cpu")
    expected = harmonizer(picture, cdtnet.adjust_mask(disc(8), grow=3, feather=2)).image
    np.testing.assert_array_equal(harmonizer(picture, disc(8), grow=3, feather=2).image, expected)
    inverted = harmonizer(picture, 255 - disc(8), invert_mask=True).image
    np.testing.assert_array_equal(inverted, harmonizer(picture, disc(8)).image)


@pytest.mark.parametrize("options", [{"grow": 501}, {"feather": -1}, {"feather": float("nan")}])
def test_what_is_too_far_is_refused(options):
    with pytest.raises(PictureError, match="pixels"):
        adjust_mask(disc(3), **options)
