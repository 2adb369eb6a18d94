"""Rough masks are refined to the edges of the object, and unchanged without an edge."""

import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

import cdtnet
from cdtnet import PictureError
from cdtnet.imaging import read_picture
from cdtnet.imaging.snapping import snap
from tests.imaging.leaves import off, scene

pytest.importorskip("cv2")
PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


def iou(one, other):
    one, other = one > one.dtype.type(0) + 127, other > 127
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("pixels", [-9, -4, 4, 9])
@pytest.mark.parametrize("size", [(300, 400), (700, 1000)])
def test_a_mask_that_is_off_comes_to_the_edge(size, pixels):
    picture, mask = scene(*size)
    rough = off(mask, pixels * size[0] // 300)
    snapped = cdtnet.snap_mask(picture, rough)
    assert snapped.dtype == rough.dtype
    assert snapped.shape == rough.shape
    assert iou(snapped, mask) > 0.98 > iou(rough, mask)


def test_an_edge_is_as_sharp_as_the_picture_shows_it():
    picture, mask = scene(900, 1200)
    snapped = cdtnet.snap_mask(picture, off(mask, 12))
    away = np.abs(ndimage.distance_transform_edt(mask > 127) - ndimage.distance_transform_edt(mask <= 127))
    wrong = np.abs(snapped.astype(int) - mask) > 64
    assert np.mean(away[wrong] < 6) > 0.95


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_depths_and_channels(dtype, channels):
    picture, mask = scene(200, 260)
    expected = cdtnet.snap_mask(picture, off(mask, 5))
    scale = 257 if dtype == "uint16" else np.float32(1 / 255)
    rough = (off(mask, 5) * (1 if dtype == "float32" else np.uint16(1)) * scale).astype(dtype)
    deep = (picture.astype(np.float64) * scale).astype(dtype)
    if channels == 4:
        deep = np.dstack((deep, np.full_like(deep[..., :1], 65535 if dtype == "uint16" else 1)))
    snapped = cdtnet.snap_mask(deep[..., :channels], rough)
    assert snapped.dtype == dtype
    if channels > 1:
        assert np.abs(snapped.astype(float) / scale - expected).max() <= 2
    assert iou(np.rint(snapped.astype(float) / scale).astype(np.uint8), mask) > 0.95


def test_far_from_the_edge_nothing_changes():
    picture, mask = scene(400, 500)
    rough = off(mask, 6)
    rough[rough == 0] = 2  # black that is not quite black
    rough[150:250, 200:250] = 200  # an object that is half transparent
    snapped = cdtnet.snap_mask(picture, rough)
    assert (snapped[150:250, 200:250] == 200).all()
    assert (snapped[:, 450:] == 2).all()
    np.testing.assert_array_equal(cdtnet.snap_mask(picture, rough), snapped)


def test_objects_that_lie_apart_are_snapped_each_close_up():
    picture, mask = scene(300, 400)
    scattered, masks = np.full((2000, 3000, 3), 128, np.uint8), np.zeros((2000, 3000), np.uint8)
    for top, left in ((40, 60), (1600, 2500)):
        scattered[top : top + 300, left : left + 400] = picture
        masks[top : top + 300, left : left + 400] = mask
    assert iou(cdtnet.snap_mask(scattered, off(masks, 6)), masks) > 0.97


@pytest.mark.parametrize("name", ["bird", "balloon", "bowl", "room"])
def test_rough_masks_of_the_examples_come_nearer_to_the_exact_ones(name):
    picture = read_picture(PHOTOS / f"{name}_composite.jpg").pixels
    mask = read_picture(PHOTOS / f"{name}_mask.png").pixels[..., 0]
    reach = 0.04 * (mask > 127).sum() ** 0.5
    for rough in (off(mask, reach), off(mask, -reach), np.roll(mask, (int(reach),) * 2, (0, 1))):
        before, after = iou(rough, mask), iou(snap(picture, rough)[0], mask)
        assert 1 - after < 0.6 * (1 - before)


def test_24_megapixels_take_about_a_second():
    picture, mask = scene(4000, 6000)
    rough = off(mask[::10, ::10], 10).repeat(10, 0).repeat(10, 1)
    began = time.process_time()
    snapped = snap(picture, rough)[0]
    assert time.process_time() - began < 3  # on one core that does other things as well
    assert iou(snapped, mask) > 0.98


@pytest.mark.parametrize("kind", ["flat", "white", "line"])
def test_where_there_is_no_edge_the_mask_stays_and_it_is_said(kind):
    picture = np.full((200, 200, 3), 100, np.uint8)
    mask = np.zeros((200, 200), np.uint8)
    mask[60:140, 60:140] = 255
    if kind == "white":
        mask[:] = 255
    if kind == "line":
        mask[:] = 0
        mask[100, 20:180] = 255
    with pytest.warns(UserWarning, match="left as it is"):
        np.testing.assert_array_equal(cdtnet.snap_mask(picture, mask), mask)


def test_a_black_mask_stays_black():
    picture, mask = scene(100, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not cdtnet.snap_mask(picture, 0 * mask).any()


def test_a_mask_of_another_size_only_when_asked_for():
    picture, mask = scene(200, 300)
    with pytest.raises(PictureError, match="--resize-mask"):
        cdtnet.snap_mask(picture, mask[::2, ::2])
    assert iou(cdtnet.snap_mask(picture, off(mask, 5)[::2, ::2], resize_mask=True), mask) > 0.97


def test_harmonizing_with_a_rough_mask_snaps_it_first(weights):
    picture, mask = scene(200, 300)
    rough = off(mask, 6)
    harmonizer = cdtnet.Harmonizer(weights, "cpu")
    expected = harmonizer(picture, cdtnet.snap_mask(picture, rough))
    snapped = harmonizer(picture, rough, snap_mask=True, record=True)
    np.testing.assert_array_equal(snapped.image, expected.image)
    assert snapped.record["snap_mask"] is True
    assert (harmonizer(picture, rough).image != snapped.image).any()
    lut = harmonizer.lut(picture, rough, snap_mask=True)
    np.testing.assert_array_equal(lut.table, expected.lut.table)
    flat = np.full_like(picture, 100)
    with pytest.warns(UserWarning, match="left as it is"):
        assert "left as it is" in harmonizer(flat, rough, snap_mask=True).remark


def test_a_mask_is_snapped_in_memory_however_large_the_picture(weights, monkeypatch, tmp_path):
    monkeypatch.setattr("cdtnet.inference.streaming.LARGE", 0)
    picture, mask = scene(200, 300)
    Image.fromarray(picture).save(tmp_path / "in.tif")
    Image.fromarray(off(mask, 6)).save(tmp_path / "mask.png")
    harmonizer = cdtnet.Harmonizer(weights, "cpu")
    harmonizer.to_file(tmp_path / "in.tif", tmp_path / "mask.png", tmp_path / "out.tif", snap_mask=True)
    expected = harmonizer(picture, off(mask, 6), snap_mask=True).image
    np.testing.assert_array_equal(read_picture(tmp_path / "out.tif").pixels, expected)
