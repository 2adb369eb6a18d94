import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cdtnet.imaging.geometry import Window
from cdtnet.model.sampling import upsample


@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 24), st.integers(0, 9999))
def test_a_window_is_a_crop_of_the_whole(height, width, low_size, seed):
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(2, 3, low_size, low_size, generator=generator)
    top, left = seed % height, seed % width
    window = Window(top, left, min(top + 13, height), min(left + 17, width))
    whole = F.interpolate(low, size=(height, width), mode="bilinear", align_corners=False)
    assert torch.allclose(upsample(low, (height, width), window), whole[(..., *window.slices)], atol=1e-5)


def test_positions_do_not_drift_in_wide_pictures():
    ramp = torch.arange(256.0).expand(1, 1, 256, 256)
    width = 60_000
    row = upsample(ramp, (1, width), Window(0, 0, 1, width))[0, 0, 0]
    expected = ((torch.arange(width, dtype=torch.float64) + 0.5) * 256 / width - 0.5).clamp(0, 255)
    assert (row - expected).abs().max() < 2e-5


@pytest.mark.parametrize("size", [7, 256])
def test_the_same_size_is_the_identity(size):
    low = torch.rand(1, 2, size, size)
    assert torch.equal(upsample(low, (size, size), Window(0, 0, size, size)), low)
