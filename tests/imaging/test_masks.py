from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cdtnet.errors import PictureError
from cdtnet.imaging import Picture, coverage, describe, to_mask
from cdtnet.imaging.masks import antialiased, check_background
from cdtnet.imaging.rows import open_mask


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


def soft_disc() -> np.ndarray:
    """(48, 64) a mask with a soft edge."""
    y, x = np.mgrid[0:48, 0:64]
    return np.rint(np.clip(14 - np.hypot(y - 24, x - 32), 0, 2) / 2 * 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("dark", "bright"),
    [
        ((0, 0, 0), (255, 0, 0)),
        ((0, 0, 90), (250, 240, 10)),
        ((255, 0, 0), (255, 255, 255)),
        ((68, 1, 84), (253, 231, 37)),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_of_two_colors_the_brighter_is_foreground(dark, bright, dtype):
    part = soft_disc()[..., None] / 255
    colors = part * bright + (1 - part) * dark
    colored = np.rint(colors).astype(np.uint8) if dtype == "uint8" else (colors / 255).astype(np.float32)
    read = coverage(to_mask(colored, 48, 64))
    np.testing.assert_allclose(read, part[..., 0], atol=0.012)


def test_two_colors_in_a_jpeg(tmp_path):
    colored = np.zeros((48, 64, 3), np.uint8)
    colored[..., 0] = soft_disc()
    Image.fromarray(colored).save(tmp_path / "mask.jpg", quality=90)
    read = to_mask(tmp_path / "mask.jpg", 48, 64).astype(int)
    assert np.abs(read - soft_disc()).mean() < 6
    assert read.max() > 240


def test_labels_are_foreground():
    labels = np.zeros((20, 30), np.uint8)
    labels[3:9, 4:12], labels[10:15, 15:25], labels[1, 1] = 3, 7, 1
    np.testing.assert_array_equal(to_mask(labels, 20, 30), (labels > 0) * 255)
    np.testing.assert_array_equal(to_mask(labels.astype(np.int64), 20, 30), (labels > 0) * 255)
    np.testing.assert_array_equal(to_mask(labels.astype(np.uint16) * 40, 20, 30), (labels > 0) * 255)
    np.testing.assert_array_equal(to_mask(labels, 20, 30, labels=[7, 1]), np.isin(labels, [7, 1]) * 255)
    np.testing.assert_array_equal(to_mask(labels.astype(np.int32), 20, 30, labels=[3]), (labels == 3) * 255)
    with pytest.raises(PictureError, match="No pixel of the mask has the label 4"):
        to_mask(labels, 20, 30, labels=[4])


def test_dark_grays_that_are_no_labels_stay_soft(tmp_path):
    soft = (soft_disc() // 4).astype(np.uint8)
    ramp = np.tile(np.arange(64, dtype=np.uint8), (48, 1))
    np.testing.assert_array_equal(to_mask(ramp, 48, 64), ramp)  # too many levels
    half = np.where(soft > 0, 128, 0).astype(np.uint8)
    np.testing.assert_array_equal(to_mask(half, 48, 64), half)  # half transparent, as it may be meant
    Image.fromarray((soft > 0).astype(np.uint8) * 3).save(tmp_path / "a.jpg", quality=100)
    assert to_mask(tmp_path / "a.jpg", 48, 64).max() < 10  # noise of JPEG is no label


def test_colored_labels():
    labels = np.zeros((20, 30, 3), np.uint8)
    labels[3:9, 4:12], labels[10:15, 15:25], labels[0:2, 0:2] = (128, 0, 0), (0, 128, 0), (224, 224, 192)
    np.testing.assert_array_equal(to_mask(labels, 20, 30), labels.any(axis=2) * 255)
    chosen = to_mask(labels, 20, 30, labels=[(128, 0, 0)])
    np.testing.assert_array_equal(chosen, (labels == (128, 0, 0)).all(axis=2) * 255)


def test_a_photograph_is_no_mask(tmp_path, pixels):
    with pytest.raises(PictureError, match="is a picture in many colors, not a mask"):
        to_mask(pixels(3), 21, 34)


@pytest.mark.parametrize("alpha", [254, 255, 235])
def test_alpha_that_says_nothing_is_passed_over(alpha):
    plane = soft_disc()
    for channels in (1, 3):
        picture = np.dstack([*[plane] * channels, np.full_like(plane, alpha)])
        np.testing.assert_array_equal(to_mask(Picture(picture), 48, 64), plane)


def test_a_mask_with_transparent_surroundings_is_read_by_both():
    plane = soft_disc()
    alpha = np.zeros_like(plane)
    alpha[4:44, 8:56] = 255  # black and white can be seen
    picture = Picture(np.dstack([plane, plane, plane, alpha]))
    np.testing.assert_array_equal(to_mask(picture, 48, 64), plane * (alpha > 0))
    white = Picture(np.dstack([np.full_like(plane, 255)] * 3 + [plane]))
    np.testing.assert_array_equal(to_mask(white, 48, 64), plane)


def test_a_cut_out_without_background_is_refused():
    alpha = soft_disc()
    cutout = Picture(np.dstack([np.full((48, 64, 3), 90, np.uint8), alpha]))
    with pytest.raises(PictureError, match="no background to match; paste the cut-out"):
        check_background(cutout, [alpha])
    check_background(cutout, [np.where(alpha > 200, alpha, 0)])
    check_background(Picture(cutout.pixels[..., :3].copy()), [alpha])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_masks_that_stay_in_their_files_are_read_alike(tmp_path, suffix):
    red = np.zeros((300, 64, 3), np.uint8)
    red[100:148, :, 0] = soft_disc()
    label = (red[..., 0] > 0).astype(np.uint8) * 3
    opaque = np.dstack([red[..., 0]] * 3 + [np.full((300, 64), 254, np.uint8)])
    for array in (red, label, opaque):
        Image.fromarray(array).save(tmp_path / f"m{suffix}")
        plane = open_mask(tmp_path / f"m{suffix}", 300, 64)
        np.testing.assert_array_equal(plane[0:300], to_mask(tmp_path / f"m{suffix}", 300, 64))
        assert plane.dtype == np.uint8


def test_hard_edges_get_a_transition_inside_and_soft_ones_stay():
    hard = np.zeros((9, 12), np.float32)
    hard[3:7, 4:] = 1
    smooth = antialiased(hard)
    assert smooth[5, 11] == smooth[5, 6] == 1
    assert smooth[5, 4] == pytest.approx(2 / 3)
    assert smooth[3, 4] == pytest.approx(4 / 9)
    assert not smooth[hard == 0].any()
    ramp = np.tile(np.linspace(0, 1, 12, dtype=np.float32), (9, 1))
    np.testing.assert_allclose(antialiased(ramp)[:, :-1], ramp[:, :-1], atol=1e-6)


def test_hard_edges_are_softened_as_the_plain_computation_does():
    for shape in ((1, 1), (1, 9), (40, 57)):
        soft = np.random.default_rng(0).choice(np.array([0, 0.2, 0.9, 1], np.float32), shape)
        around = np.lib.stride_tricks.sliding_window_view(np.pad(soft, 1, "edge"), (3, 3))
        hard = around.max((2, 3)) - around.min((2, 3)) > 0.5
        plain = np.where(hard, np.minimum(soft, around.mean((2, 3))), soft)
        np.testing.assert_array_equal(antialiased(soft), plain)
