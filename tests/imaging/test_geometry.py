import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cdtnet.imaging.geometry import Window, tiles, touched

masks = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.sampled_from([0, 0, 0, 9])
)


@given(masks, st.integers(1, 50))
def test_windows_cover_the_mask_once_and_are_tight(mask, size):
    count = np.zeros(mask.shape, int)
    for window in touched(mask, size):
        count[window.slices] += 1
        part = mask[window.slices]
        assert part[0].any()
        assert part[-1].any()
        assert part[:, 0].any()
        assert part[:, -1].any()
        assert max(part.shape) <= size
    assert count.max() <= 1
    assert (count[mask > 0] == 1).all()


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70))
def test_tiles_cover_everything_once(height, width, size):
    count = np.zeros((height, width), int)
    for tile in tiles(height, width, size):
        count[tile.slices] += 1
    assert (count == 1).all()


def test_growing_stops_at_the_border():
    window = Window(0, 5, 10, 20)
    outer = window.grow(2, 11, 21)
    assert outer == (0, 3, 11, 21)
    assert window.within(outer) == (0, 2, 10, 17)
    assert window.within(outer).from_within(outer) == window


def test_a_union_is_the_smallest_window_that_holds_both():
    one, other = Window(2, 30, 10, 40), Window(5, 0, 20, 7)
    assert one.union(other) == other.union(one) == (2, 0, 20, 40)
    assert one.union(one) == one
    assert one.union(Window(3, 31, 4, 32)) == one
