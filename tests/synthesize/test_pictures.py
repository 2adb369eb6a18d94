import io

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms

from cdtnet.datasets.tree import Entry, Folder
from cdtnet.errors import DataError
from cdtnet.synthesize.pictures import blend, enlarge_mask, feather, limit, read_mask, read_photo, resize

from .conftest import draw_photo, save


def entry(path):
    return Entry(Folder(path.parent), path.name)


def test_photos_become_8_bit_srgb(tmp_path):
    photo = np.asarray(draw_photo(0))
    tifffile.imwrite(tmp_path / "deep.tif", photo.astype(np.uint16) * 257, photometric="rgb")
    assert np.array_equal(read_photo(entry(tmp_path / "deep.tif")), photo)
    save(Image.fromarray(photo[..., 0]), tmp_path / "gray.png")
    assert np.array_equal(read_photo(entry(tmp_path / "gray.png")), photo[..., [0, 0, 0]])


def test_profiles_are_applied(tmp_path):
    icc, photo = bytes(pyvips.Image.profile_load("p3")), draw_photo(1)
    photo.save(tmp_path / "p3.png", icc_profile=icc)
    srgb = ImageCms.createProfile("sRGB")
    expected = ImageCms.profileToProfile(photo, ImageCms.ImageCmsProfile(io.BytesIO(icc)), srgb, 1)
    ours = read_photo(entry(tmp_path / "p3.png")).astype(int)
    assert np.abs(ours - np.asarray(expected)).max() <= 2
    assert np.abs(ours - np.asarray(photo)).max() > 8
    photo.save(tmp_path / "broken.jpg", icc_profile=icc[:200])
    with pytest.raises(DataError, match=r"broken\.jpg.*profile is damaged"):
        read_photo(entry(tmp_path / "broken.jpg"))


def test_masks_have_to_fit_and_to_show_something(tmp_path):
    photo = np.zeros((20, 30, 3), np.uint8)
    for name, mask, problem in (
        ("small", np.eye(20, dtype=np.uint8) * 255, "20×20 pixels, but its photo 30×20"),
        ("black", np.zeros((20, 30), np.uint8), "no foreground"),
        ("white", np.full((20, 30), 255, np.uint8), "no background"),
    ):
        save(Image.fromarray(mask), tmp_path / f"{name}.png")
        with pytest.raises(DataError, match=rf"{name}\.png.*{problem}"):
            read_mask(entry(tmp_path / f"{name}.png"), photo)


def test_blending_by_hand():
    foreground, background = np.full((1, 3, 3), 200, np.uint8), np.full((1, 3, 3), 100, np.uint8)
    mixed = blend(foreground, background, np.array([[0, 51, 255]], np.uint8))
    assert mixed[0, :, 0].tolist() == [100, 120, 200]


def test_the_long_side_is_limited_and_nothing_grows():
    photo = np.asarray(draw_photo(0))
    assert limit(photo, 45).shape == (30, 45, 3)
    assert limit(photo, 500) is photo
    assert limit(photo, None) is photo
    assert limit(photo[..., 0], 1).shape == (1, 1)
    reference = Image.fromarray(photo).resize((45, 30), Image.Resampling.LANCZOS)
    assert np.abs(limit(photo, 45).astype(int) - np.asarray(reference)).max() <= 3


@pytest.mark.parametrize("scale", [0.5, 0.4, 1.25, 2, 3])
def test_resizing_moves_nothing(scale):
    photo = np.asarray(draw_photo(0))
    height, width = round(60 * scale), round(90 * scale)
    reference = Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC)
    difference = np.abs(resize(photo, height, width).astype(int) - np.asarray(reference))
    assert difference.mean() < 0.5
    assert difference.max() <= 4


def test_resizing_to_the_same_size_copies_nothing():
    photo = np.asarray(draw_photo(0))
    assert resize(photo, 60, 90) is photo


def test_an_enlarged_mask_keeps_a_sharp_smooth_edge():
    y, x = np.mgrid[:50, :60]
    small = ((x - 30) ** 2 + (y - 25) ** 2 < 15**2).astype(np.uint8) * 255
    large = enlarge_mask(small, 500, 600)
    y, x = np.mgrid[:500, :600] + 0.5
    circle = (x - 305) ** 2 + (y - 255) ** 2 < 150**2
    assert ((large > 127) != circle).mean() < 0.01
    soft = (large > 25) & (large < 230)
    assert soft.any(axis=1).sum() > 250
    assert soft[250].sum() <= 6  # two edges in this row
    assert enlarge_mask(large, 50, 60).shape == (50, 60)


def test_feathering_stays_inside():
    mask = np.zeros((20, 20), np.uint8)
    mask[5:15, 5:15] = 255
    soft = feather(mask)
    assert not soft[mask == 0].any()
    assert (soft[7:13, 7:13] == 255).all()
    assert soft[10, 5:8].tolist() == [64, 191, 255]
    mask[:] = 0
    mask[0:10, 0:10] = 255  # up to the picture's border
    assert feather(mask)[0, 0] < 255
