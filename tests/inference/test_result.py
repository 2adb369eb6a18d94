"""The display of a result in a notebook and a terminal."""

import base64
import io
import re

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from cdtnet import Lut, Picture, Result
from cdtnet.imaging import read_picture
from cdtnet.inference.harmonizer import Harmonizer


def pictures_of(html):
    """Return the alternative text and decoded picture of each figure."""
    found = re.findall(r'<img alt="(\w+)" src="data:image/webp;base64,([^"]+)"', html)
    return {name: Image.open(io.BytesIO(base64.b64decode(data))) for name, data in found}


def test_a_result_shows_before_and_after(official_model, random):
    composite = np.full((40, 60, 3), 60, np.uint8)
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:40] = True
    result = Harmonizer(official_model, "cpu")(composite, mask)
    shown = pictures_of(result._repr_html_())
    assert list(shown) == ["composite", "harmonized"]
    for name, expected in (("composite", composite), ("harmonized", result.image)):
        assert np.abs(np.asarray(shown[name]) - expected.astype(int)).mean() < 4
    assert np.abs(result.image - composite.astype(int))[mask].mean() > 40
    assert result.composite is composite


def test_a_result_of_files_holds_what_was_read(official_model, tmp_path, random):
    Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "composite.png")
    Image.fromarray(np.eye(40, 60, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    result = Harmonizer(official_model, "cpu")(tmp_path / "composite.png", tmp_path / "mask.png")
    (tmp_path / "composite.png").unlink()
    assert isinstance(result.composite, Picture)
    assert list(pictures_of(result._repr_html_())) == ["composite", "harmonized"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_large_pictures_of_any_kind_are_shown_small(dtype, channels):
    whole = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = np.zeros((700, 2000, channels), dtype)
    pixels[:, 1000:] = whole  # white on the right
    if channels in (2, 4):
        pixels[..., -1] = whole
        pixels[:350, :, -1] = 0  # the upper half transparent
    image = pictures_of(Result(Picture(pixels), None, Picture(pixels))._repr_html_())["harmonized"]
    assert image.size == (1024, 358)
    assert image.mode == ("RGBA" if channels in (2, 4) else "RGB")
    shown = np.asarray(image)
    assert (shown[300, 100, :3] < 4).all()
    assert (shown[300, 900] > 251).all()
    if channels in (2, 4):
        assert (shown[:170, :, 3] < 4).all()


def test_a_profile_is_honoured_and_metadata_stay_at_home(tmp_path):
    p3 = bytes(pyvips.Image.profile_load("p3"))
    photo, exif = Image.new("RGB", (60, 40), (200, 70, 70)), Image.Exif()
    exif[0x010E] = "at home"
    photo.save(tmp_path / "photo.png", icc_profile=p3, exif=exif)
    picture = read_picture(tmp_path / "photo.png")
    shown = pictures_of(Result(picture, None, picture)._repr_html_())["composite"]
    assert not {"exif", "icc_profile"} & set(shown.info)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(p3))
    expected = ImageCms.profileToProfile(photo, profile, ImageCms.createProfile("sRGB"))
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(expected)).max() <= 4
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(photo)).max() > 8


def test_representations_are_short():
    lut = Lut(np.zeros((5, 5, 5, 3), np.float32))
    pixels = np.zeros((40, 60, 3), np.uint8)
    assert repr(Result(pixels, lut, pixels)) == "<Result image=<array (40, 60, 3) uint8> lut=<Lut 5×5×5>>"
    picture = Picture(pixels)
    assert repr(Result(picture, None, picture)) == "<Result image=<Picture 60×40, RGB, uint8> lut=None>"
    image = Image.fromarray(pixels)
    assert "size=60x40" in repr(Result(image, None, image))
