from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cdtnet.errors import PictureError
from cdtnet.imaging import Picture, coverage, describe, to_mask


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (6, 8, 3)])
def test_depth_is_kept(dtype, shape):
    values = np.random.default_rng(0).random((6, 8)) * (1 if dtype == "float32" else np.iinfo(dtype).max)
    plane = values.astype(dtype)
    mask = to_mask(np.broadcast_to(plane.reshape(6, 8, *shape[2:3] and [1]), shape), 6, 8)
    assert mask.flags.c_contiguous
    assert mask.dtype == dtype
    np.testing.assert_array_equal(mask, plane)


def test_booleans_are_all_or_nothing():
    mask = to_mask(np.eye(4, dtype=bool), 4, 4)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, np.eye(4) * 255)


def test_colors_are_read_by_their_brightness():
    red, green = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.float32)
    red[..., 0], green[..., 1] = 200, 0.5
    assert (to_mask(red, 2, 2) == 43).all()  # 200 · 0.2126 rounded
    np.testing.assert_allclose(to_mask(green, 2, 2), 0.3576, atol=1e-6)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_cut_out_is_read_by_its_alpha(tmp_path, pixels, mode):
    array = pixels(len(mode))
    Image.fromarray(array, "LA" if mode == "LA" else None).save(tmp_path / "cut.png")
    np.testing.assert_array_equal(to_mask(tmp_path / "cut.png", 21, 34), array[..., -1])
    array[..., :-1] = array[..., :1]
    array[..., -1] = 255  # an opaque alpha channel says nothing
    np.testing.assert_array_equal(to_mask(Picture(array), 21, 34), array[..., 0])


def test_files_and_pil_images(tmp_path, pixels):
    plane = pixels(1, "uint16")[..., 0]
    image = Image.fromarray(plane)
    image.save(tmp_path / "mask.png")
    for source in (image, tmp_path / "mask.png", str(tmp_path / "mask.png")):
        mask = to_mask(source, 21, 34)
        assert mask.dtype == np.uint16
        np.testing.assert_array_equal(mask, plane)
    bits = Image.fromarray(plane > 30000)
    np.testing.assert_array_equal(to_mask(bits, 21, 34) == 255, np.asarray(bits))


def test_another_size_is_refused_with_both_sizes():
    with pytest.raises(PictureError, match=r"mask has 6×4 pixels and the picture 8×5; .* --resize-mask"):
        to_mask(np.zeros((4, 6), np.uint8), 5, 8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_resizing_is_bilinear(dtype):
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    plane = np.zeros((16, 20), dtype)
    plane[:, 10:] = top
    mask = to_mask(plane, 48, 61, resize=True)
    assert mask.shape == (48, 61)
    assert mask.dtype == dtype
    assert (mask[:, :27] == 0).all()
    assert (mask[:, 34:] == top).all()
    assert (np.diff(mask.astype(float), axis=1) >= 0).all()
    assert ((mask[:, 28:33] > 0) & (mask[:, 28:33] < top)).any()
    whole = to_mask(np.full((7, 9), top, dtype), 100, 3, resize=True)
    assert whole.shape == (100, 3)
    assert (whole == top).all()


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf])
def test_floats_outside_the_range_are_refused(value):
    plane = np.array([[0.5, value]], np.float32)
    with pytest.raises(PictureError, match="values from 0 to 1"):
        to_mask(plane, 1, 2)
    if np.isfinite(value):
        with pytest.raises(PictureError, match="A float mask must hold values from 0 to 1"):
            to_mask(Picture(plane[..., None]), 1, 2)


def test_coverage_is_a_fraction():
    for plane in (np.array([0, 51, 255], np.uint8), np.array([0, 13107, 65535], np.uint16)):
        part = coverage(plane)
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, [0, 0.2, 1], atol=1e-7)
        assert part[2] == 1
    floats = np.array([0, 0.25, 1], np.float32)
    np.testing.assert_array_equal(coverage(floats), floats)


@pytest.mark.parametrize(("dtype", "top"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
def test_masks_that_leave_nothing_to_do_are_described(dtype, top):
    plane = np.zeros((3, 3), dtype)
    assert "nothing to harmonize" in describe(plane)
    plane[1, 1] = top
    assert describe(plane) is None
    plane[:] = top
    assert "no background to match" in describe(plane)


@pytest.mark.parametrize("level", [np.inf, 3e38, "signalling"])
def test_colors_that_are_none_are_refused_without_a_warning(level):
    value = np.array([0x7FA00001], np.uint32).view(np.float32)[0] if level == "signalling" else level
    pixels = np.zeros((4, 4, 3), np.float32)
    pixels[1] = value
    pixels[1, :, 2] = -value
    with pytest.raises(PictureError, match="A float mask must hold values from 0 to 1"):
        to_mask(Picture(pixels), 4, 4)
