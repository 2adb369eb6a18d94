"""The survey of a mask in cells agrees with a survey pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cdtnet.imaging import cells as module
from cdtnet.imaging.cells import survey
from cdtnet.imaging.geometry import touched


def masks(dtype, levels):
    shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=70)
    return hnp.arrays(dtype, shapes, elements=st.sampled_from(levels), fill=st.just(levels[0]))


some_masks = st.one_of(
    masks(np.uint8, [0, 1, 3, 4, 255]),
    masks(np.uint16, [0, 700, 800, 65535]),
    masks(np.float32, [0, 0.01, 0.5]),
)


@given(some_masks, st.sampled_from([1, 2, 8, 16, 64]), st.sampled_from([0.0, 3 / 255, 0.3]), st.booleans())
def test_windows_are_those_that_one_finds_pixel_by_pixel(mask, tile, floor, coarse):
    finest, module.FINEST = module.FINEST, 4 if coarse else module.FINEST
    try:
        found = survey(mask, tile, floor)
    finally:
        module.FINEST = finest
    white = np.iinfo(mask.dtype).max if mask.dtype.kind == "u" else 1
    covered = mask > floor * white
    assert list(found.windows(tile)) == list(touched(covered, tile))
    assert found.area.sum() == covered.sum()
    assert (found.darkest, found.brightest) == (mask.min(), mask.max())
    if covered.any():
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        extent = found.extent(found.area > 0)
        assert extent == (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)


@given(masks(np.uint8, [0, 0, 0, 255]), st.sampled_from([8, 32]))
def test_each_square_says_what_it_covers(mask, tile):
    finest, module.FINEST = module.FINEST, 4
    try:
        found = survey(mask, tile)
    finally:
        module.FINEST = finest
    side = found.side
    for (row, column), area in np.ndenumerate(found.area):
        part = mask[row * side : (row + 1) * side, column * side : (column + 1) * side] > 0
        assert area == part.sum()
        if area:
            rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
            assert found.top[row, column] == row * side + rows[0]
            assert found.bottom[row, column] == row * side + rows[-1] + 1
            assert found.left[row, column] == column * side + columns[0]
            assert found.right[row, column] == column * side + columns[-1] + 1


@pytest.mark.parametrize("size", [1, 255, 256, 511, 512, 513, 5000])
def test_squares_are_few_and_make_up_tiles(size):
    found = survey(np.zeros((3, size), np.uint8), 256)
    assert 256 % found.side == 0
    assert found.area.shape[1] <= 2 * module.FINEST
    assert not found.area.any()


def test_nan_is_no_coverage_and_is_seen_in_the_extremes():
    found = survey(np.array([[0, np.nan], [1, 0]], np.float32), 8)
    assert found.area.sum() == 1
    assert np.isnan(found.darkest)
