"""Pictures in CMYK and L*a*b*, given profiles, and Photoshop's resources."""

import io
import struct

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import ExifTags, Image

from cdtnet.errors import PictureError
from cdtnet.imaging import Metadata, Picture, encode_picture, read_picture
from cdtnet.imaging.exif import with_thumbnail
from cdtnet.imaging.rows import read_header
from tests.kinds import lab, pillow, smooth, tiff

CMYK = bytes(pyvips.Image.profile_load("cmyk"))


def recolored(picture, rows=8):
    """Return the picture with another color in its first rows."""
    pixels = picture.pixels.copy()
    pixels[:rows] = np.clip(pixels[:rows] + np.array([3000.0, 0, -3000]), 0, 65535).astype(np.uint16)
    return picture.replace_pixels(pixels)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_lab_is_seen_as_rgb_and_written_back_bit_for_bit_where_nothing_changed(kind):
    data = lab(kind)
    picture = read_picture(data)
    assert np.abs(picture.pixels / 257 - smooth().astype(float)).mean() < 1
    changed = recolored(picture)
    written = encode_picture(changed, ".tif")
    before, after = (tifffile.TiffFile(io.BytesIO(each)).pages[0] for each in (data, written))
    assert after.photometric == before.photometric
    np.testing.assert_array_equal(after.asarray()[8:], before.asarray()[8:])
    assert (after.asarray()[:8] != before.asarray()[:8]).any()
    wanted, seen = changed.pixels[:8, 8:24].astype(float), read_picture(written).pixels[:8, 8:24]
    assert np.abs(seen - wanted).mean() < np.abs(picture.pixels[:8, 8:24] - wanted).mean() / 4
    assert read_picture(encode_picture(changed, ".png")).pixels.shape == (32, 48, 3)


def test_lab_of_other_programs():
    again = Image.open(io.BytesIO(encode_picture(read_picture(lab()), ".tif")))
    assert again.mode == "LAB"
    np.testing.assert_array_equal(np.asarray(again), np.asarray(Image.open(io.BytesIO(lab()))))
    srgb = pyvips.Image.new_from_array(smooth()).copy(interpretation="srgb")
    for space, photometric in (("lab", 8), ("labs", 8)):  # floats, and 16 bits with a sign
        data = srgb.colourspace(space).tiffsave_buffer(compression="deflate")
        picture = read_picture(data)
        written = tifffile.TiffFile(io.BytesIO(encode_picture(picture, ".tif"))).pages[0]
        assert written.photometric == photometric
        stored = tifffile.TiffFile(io.BytesIO(data)).pages[0].asarray()
        np.testing.assert_array_equal(written.asarray().view(stored.dtype), stored)


def test_lab_counted_from_the_middle_is_the_same_colors():
    values = tifffile.TiffFile(io.BytesIO(lab())).pages[0].asarray()
    data = tiff(values ^ np.array([0, 128, 128], np.uint8), photometric="icclab")
    np.testing.assert_array_equal(read_picture(data).pixels, read_picture(lab()).pixels)
    written = tifffile.TiffFile(io.BytesIO(encode_picture(read_picture(data), ".tif"))).pages[0]
    assert written.photometric == 9


def test_lab_with_alpha_is_refused(tmp_path):
    data = tiff(smooth(4), photometric="cielab", extrasamples=["UNASSALPHA"])
    with pytest.raises(PictureError, match=r"L\*a\*b\* picture with alpha; flatten it"):
        read_picture(data)
    (tmp_path / "a.tif").write_bytes(data)
    assert read_header(tmp_path / "a.tif").obstacle == "is an L*a*b* picture"


def test_a_given_profile_is_that_of_pictures_without_one(tmp_path, p3):
    (tmp_path / "p3.icc").write_bytes(p3)
    plain = read_picture(pillow("PNG"), profile=tmp_path / "p3.icc")
    assert plain.metadata.icc == p3
    assert read_picture(encode_picture(plain, ".png")).metadata.icc == p3
    tagged = encode_picture(Picture(smooth(), Metadata(icc=CMYK[:16] + b"RGB " + CMYK[20:])), ".tif")
    assert read_picture(tagged, profile=p3).metadata.icc != p3
    with pytest.raises(PictureError, match="not both"):
        read_picture(pillow("PNG"), profile=p3, color_space="linear")
    with pytest.raises(PictureError, match=r"none\.icc cannot be read; give the file of an ICC profile"):
        read_picture(pillow("PNG"), profile=tmp_path / "none.icc")
    with pytest.raises(PictureError, match="is not an ICC profile"):
        read_picture(pillow("PNG"), profile=b"x" * 200)


def test_inks_without_a_profile_are_seen_through_the_one_given(p3):
    data = pillow("TIFF", "CMYK")
    assert "common printing inks" in read_picture(data).metadata.left_out[0]
    picture = read_picture(data, profile=CMYK)
    assert picture.metadata.left_out == ()
    written = pyvips.Image.new_from_buffer(encode_picture(recolored(picture), ".tif"), "")
    assert written.get("icc-profile-data") == CMYK
    np.testing.assert_array_equal(written.numpy()[8:], smooth(4)[8:])
    with pytest.raises(PictureError, match="but the given profile is not"):
        read_picture(data, profile=p3)


def resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2)


TITLE = b"\x1c\x02\x78\x00\x05Title"


def test_photoshops_resources_stay_in_jpeg_and_tiff_without_the_thumbnail_of_the_picture_as_it_was():
    block = resource(1028, TITLE) + resource(1036, b"thumb") + resource(1011, b"x")
    kept = resource(1028, TITLE) + resource(1011, b"x")
    body = b"Photoshop 3.0\0" + block
    jpeg = pillow("JPEG")
    jpeg = jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]
    for data in (jpeg, tiff(smooth(), extratags=[(34377, 7, len(block), block, True)])):
        picture = read_picture(data)
        assert picture.metadata.iptc == kept
        of_jpeg = Image.open(io.BytesIO(encode_picture(picture, ".jpg")))
        written = of_jpeg.info["photoshop"]
        assert {key: written[key] for key in (1028, 1011)} == {1028: TITLE, 1011: b"x"}
        assert struct.unpack(">6I2H", written[1036][:28])[1:3] == (48, 32)
        small = np.asarray(Image.open(io.BytesIO(written[1036][28:])))
        assert np.abs(small.astype(int) - smooth()).mean() < 3
        of_tiff = tifffile.TiffFile(io.BytesIO(encode_picture(picture, ".tif"))).pages[0]
        assert of_tiff.tags[34377].value.startswith(kept)
        assert b"thumb" not in of_tiff.tags[34377].value


def test_the_thumbnail_in_exif_is_made_anew_and_does_not_add_up():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    small = io.BytesIO()
    Image.new("RGB", (16, 12), "red").save(small, "JPEG")
    block = with_thumbnail(exif.tobytes().removeprefix(b"Exif\0\0"), small.getvalue())
    data = pillow("JPEG", exif=b"Exif\0\0" + block)
    for suffix in (".jpg", ".png", ".webp"):
        sizes = []
        for _ in range(3):
            picture = read_picture(data)
            assert small.getvalue() not in picture.metadata.exif
            data = encode_picture(picture, suffix)
            again = Image.open(io.BytesIO(data)).getexif()
            assert again[0x010F] == "Maker"
            found = again.get_ifd(ExifTags.IFD.IFD1)
            assert found[259] == 6
            sizes.append(found[513])
        assert len(set(sizes)) == 1
        start, end = data.rfind(b"\xff\xd8"), data.rfind(b"\xff\xd9") + 2
        if suffix == ".png":
            shown = np.asarray(Image.open(io.BytesIO(data[start:end])))
            assert np.abs(shown.astype(int) - smooth()).mean() < 3


def test_iptc_of_a_tiff_that_stands_alone_becomes_a_resource():
    data = tiff(smooth(), extratags=[(33723, 7, len(TITLE), TITLE, True)])
    written = tifffile.TiffFile(io.BytesIO(encode_picture(read_picture(data), ".tif"))).pages[0]
    assert written.tags[34377].value == resource(1028, TITLE)


@pytest.mark.parametrize("block", [b"8BIM", b"8BIM\4\4", b"no resources at all", resource(1028, TITLE)[:-3]])
def test_damaged_resources_stay_as_they_are(block):
    data = tiff(smooth(), extratags=[(34377, 7, len(block), block, True)])
    assert read_picture(data).metadata.iptc == block
