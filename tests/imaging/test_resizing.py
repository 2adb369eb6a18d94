import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cdtnet.imaging import color_codec, coverage, to_picture
from cdtnet.imaging.geometry import Window
from cdtnet.imaging.resizing import STRIP, placed, shrink, sparse
from cdtnet.model import CDTNet, Config


def low_of(pixels, mask, size, antialias, frame=None):
    picture = to_picture(pixels)
    frame = frame or Window(0, 0, *mask.shape)
    return shrink(picture, mask, frame, color_codec(picture), size, size // 8, antialias=antialias)


def tensors(pixels, mask):
    image = torch.from_numpy(color_codec(to_picture(pixels)).decode(to_picture(pixels).pixels))
    return image.permute(2, 0, 1)[None], torch.from_numpy(coverage(mask))[None, None]


@settings(max_examples=40)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([8, 32, 64]),
    st.booleans(),
    st.integers(0, 9999),
)
def test_strips_equal_the_models_own_downsampling(height, width, size, antialias, seed):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = random.integers(0, 256, (height, width), dtype=np.uint8)
    low = low_of(pixels, mask, size, antialias)
    reference = CDTNet(Config("is2am", base_size=size, antialias=antialias)).downsample(
        *tensors(pixels, mask)
    )
    np.testing.assert_allclose(low.image, reference.image[0].permute(1, 2, 0), atol=1e-5)
    np.testing.assert_allclose(low.mask, reference.mask[0, 0], atol=1e-5)
    np.testing.assert_allclose(low.coarse_mask, reference.coarse_mask[0, 0], atol=1e-5)


@pytest.mark.parametrize("most", [1 << 20, 7 * 90, 1])
def test_a_picture_of_many_strips(random, monkeypatch, most):
    monkeypatch.setattr("cdtnet.imaging.resizing._MOST", most)
    pixels = random.random((5 * STRIP + 3, 90, 3)).astype(np.float32)
    mask = random.random(pixels.shape[:2]).astype(np.float32)
    low = low_of(pixels, mask, 32, True)
    reference = CDTNet(Config("is2am", base_size=32, antialias=True)).downsample(*tensors(pixels, mask))
    np.testing.assert_allclose(low.image, reference.image[0].permute(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_frame_is_seen_as_if_it_were_the_picture(random, channels):
    pixels = random.integers(0, 256, (3 * STRIP, 200, channels), dtype=np.uint8)
    mask = random.integers(0, 256, pixels.shape[:2], dtype=np.uint8)
    frame = Window(57, 20, 57 + 2 * STRIP, 171)
    found = low_of(pixels, mask, 32, True, frame)
    expected = low_of(pixels[frame.slices], mask[frame.slices], 32, True)
    for name in ("image", "mask", "coarse_mask"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("hidden", [0, 255])
def test_what_is_transparent_is_not_seen(random, hidden):
    """Colors under transparent pixels are replaced by the mean of the visible background."""
    pixels = np.full((64, 64, 4), 255, np.uint8)
    pixels[..., :3] = [200, 100, 50]
    pixels[:, 40:, 3] = 0
    pixels[:, 40:, :3] = hidden
    mask = np.zeros((64, 64), np.uint8)
    mask[10:30, 10:30] = 255
    pixels[10:30, 10:30, :3] = [0, 0, 255]
    low = low_of(pixels, mask, 64, True)
    np.testing.assert_allclose(
        low.image[:, 45:], np.broadcast_to([200, 100, 50], (64, 19, 3)) / 255, atol=0.01
    )
    assert low.mask[20, 20] == 1


def test_transparent_foreground_does_not_count(random):
    pixels = random.integers(0, 256, (64, 64, 4), dtype=np.uint8)
    pixels[..., 3] = 0
    pixels[:32, :, 3] = 255
    low = low_of(pixels, np.full((64, 64), 255, np.uint8), 64, True)
    assert low.mask[:30].min() == 1
    assert low.mask[34:].max() == 0


def test_a_wholly_transparent_picture_is_gray(random):
    low = low_of(np.zeros((20, 20, 4), np.uint8), np.zeros((20, 20), np.uint8), 8, True)
    np.testing.assert_allclose(low.image, 0.5)


@pytest.mark.parametrize("size", [(96, 160), (768, 512)])
def test_values_of_a_window_are_put_to_their_place(size):
    frame, window, low_size = (800, 1000), Window(200, 300, 500, 800), 64
    whole = cv2.GaussianBlur(np.random.default_rng(0).random(frame, np.float32), (0, 0), 25)
    whole *= cv2.GaussianBlur(np.pad(np.ones((180, 380), np.float32), ((260, 360), (360, 260))), (0, 0), 12)
    part = cv2.resize(whole[window.slices], size[::-1], interpolation=cv2.INTER_AREA)
    expected = cv2.resize(whole, (low_size, low_size), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(placed(part, window, frame, low_size), expected, atol=0.02)
    assert expected.max() > 0.4


def test_values_of_a_window_that_reaches_beyond_the_frame_are_cut_off():
    result = placed(np.ones((50, 50), np.float32), Window(-100, -100, 100, 100), (200, 200), 20)
    assert (result[:9, :9] == 1).all()
    assert (result[11:] == 0).all()
    assert (result[:, 11:] == 0).all()


@pytest.mark.parametrize("most", [1000, 200, 77])
def test_sparse_pixels_are_every_so_many_of_a_window(most):
    values, window = np.random.default_rng(0).integers(0, 255, (700, 400, 3)), Window(13, 20, 690, 380)
    step = -(-677 // most)
    found = sparse(values, window, most)
    np.testing.assert_array_equal(found, values[window.slices][::step, ::step])
    assert max(found.shape) <= most
