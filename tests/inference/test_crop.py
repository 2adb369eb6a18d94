import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdtnet.imaging.geometry import Window, touched
from cdtnet.inference.crop import close_up
from tests.imaging.test_geometry import masks


@given(masks, st.integers(1, 50), st.sampled_from([8, 16]))
def test_a_close_up_shows_all_of_the_foreground_whichever_way_round(mask, size, base_size):
    def seen(mask):
        return close_up(touched(mask, size), base_size, *mask.shape)

    if not mask.any():
        return
    frame = seen(mask)
    assert np.count_nonzero(mask[frame.slices]) == np.count_nonzero(mask)
    assert 0 <= frame.top < frame.bottom <= mask.shape[0]
    assert 0 <= frame.left < frame.right <= mask.shape[1]
    height, width = mask.shape
    turned = Window(height - frame.bottom, width - frame.right, height - frame.top, width - frame.left)
    assert seen(mask[::-1, ::-1]) == turned
    assert seen(mask.T) == (frame.left, frame.top, frame.right, frame.bottom)


@pytest.mark.parametrize(
    ("window", "frame"),
    [
        ((500, 700, 600, 740), (350, 520, 750, 920)),  # 100 + (1000 - 100) / 3 = 400
        ((500, 700, 601, 740), (350, 520, 751, 920)),  # 400 and, about an odd length, 401
        ((0, 980, 20, 1000), (0, 654, 346, 1000)),  # from the corner
        ((300, 10, 310, 900), (0, 0, 800, 926)),  # as high as the picture
        ((0, 0, 800, 1000), (0, 0, 800, 1000)),
    ],
)
def test_a_close_up_goes_a_third_of_the_way_to_the_whole_picture(window, frame):
    assert close_up([Window(*window)], 64, 800, 1000) == frame


def test_nothing_is_enlarged_to_be_seen_close_up():
    window = Window(500, 500, 510, 510)
    assert close_up([window], 512, 1000, 1000) == (249, 249, 761, 761)
    assert close_up([window], 2000, 1000, 1000) == (0, 0, 1000, 1000)
