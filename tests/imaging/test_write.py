from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import cdtnet
from cdtnet.errors import PictureError
from cdtnet.imaging import Metadata, Picture, describe_encoding, encode_picture, read_picture, write_picture

DEMO = Path(cdtnet.__file__).parent / "demo" / "composite.jpg"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_8_bits_come_back_exactly(tmp_path, pixels, channels, suffix):
    expected = pixels(channels)
    path = tmp_path / f"out{suffix}"
    write_picture(Picture(expected), path)
    mode = "RGBA"[: 3 + (channels % 2 == 0)] if suffix == ".webp" and channels < 3 else None
    wanted = np.asarray(Image.fromarray(expected.squeeze(), "LA" if channels == 2 else None).convert(mode))
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), wanted)
    np.testing.assert_array_equal(read_picture(path).pixels.squeeze(), wanted)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tiff_holds_every_depth(tmp_path, pixels, dtype, channels):
    expected = pixels(channels, dtype)
    if dtype == "float32":
        expected[0, 0] = 2.5
    path = tmp_path / "out.TIFF"
    write_picture(Picture(expected), path)
    np.testing.assert_array_equal(read_picture(path).pixels, expected)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        assert (page.compression.name, page.dtype) == ("ADOBE_DEFLATE", np.dtype(dtype))
        assert page.predictor.name == ("FLOATINGPOINT" if dtype == "float32" else "HORIZONTAL")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_comes_back_exactly(pixels, channels):
    expected = pixels(channels, "uint16")
    data = encode_picture(Picture(expected), ".png")
    assert data[24] == 16  # the header's bit depth
    np.testing.assert_array_equal(read_picture(data).pixels, expected)
    if channels == 1:
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), expected[..., 0])


def test_jpeg_is_written_at_its_quality_without_subsampling(pixels):
    picture = Picture(np.repeat(np.repeat(pixels(3, "uint8", 8, 8), 8, 0), 8, 1))
    by_default, coarse = (encode_picture(picture, ".jpeg", **options) for options in ({}, {"quality": 40}))
    with Image.open(io.BytesIO(by_default)) as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
        reference = io.BytesIO()
        Image.fromarray(picture.pixels).save(reference, "JPEG", quality=95)
        assert image.quantization == Image.open(reference).quantization
        assert abs(np.asarray(image).astype(int) - picture.pixels).mean() < 3
    assert len(coarse) < len(by_default)
    gray = encode_picture(Picture(picture.pixels[..., :1]), ".jpg")
    assert Image.open(io.BytesIO(gray)).mode == "L"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("channels", [3, 4])
def test_metadata_come_back(pixels, p3, exif, xmp, suffix, channels):
    if suffix == ".jpg" and channels == 4:
        channels = 3
    metadata = Metadata(icc=p3, exif=exif, xmp=xmp, resolution=(300 / 25.4, 200 / 25.4))
    data = encode_picture(Picture(pixels(channels), metadata), suffix)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info["icc_profile"] == p3
        assert image.info.get("xmp", image.info.get("XML:com.adobe.xmp")) in (xmp, xmp.decode())
        if suffix != ".webp":  # which has no place for it
            assert image.info["dpi"] == pytest.approx((300, 200), rel=1e-4)
        expected, found = Image.Exif(), image.getexif()
        expected.load(exif)
        for directory in (0x8769, 0x8825):
            assert found.get_ifd(directory) == expected.get_ifd(directory)
            assert found.get_ifd(directory)
        assert {tag: found[tag] for tag in (0x010E, 0x010F, 0x8298)} == {
            tag: expected[tag] for tag in (0x010E, 0x010F, 0x8298)
        }
    back = read_picture(data).metadata
    assert (back.icc, back.xmp) == (p3, xmp)
    if suffix != ".tif":
        assert back.exif == exif  # byte for byte


def test_metadata_that_are_not_there_are_not_made_up(pixels):
    with Image.open(io.BytesIO(encode_picture(Picture(pixels(3)), ".jpg"))) as image:
        assert not image.getexif()
        assert not {"icc_profile", "xmp", "exif", "dpi"} & image.info.keys()


def test_jpeg_keeps_iptc(pixels):
    block = b"8BIM\x04\x04\x00\x00\x00\x00\x00\x07\x1c\x02\x05\x00\x02hi\x00"
    plain = encode_picture(Picture(pixels(3)), ".jpg")
    segment = b"Photoshop 3.0\0" + block
    data = plain[:20] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + plain[20:]
    picture = read_picture(data)
    assert picture.metadata.iptc == block
    assert segment in encode_picture(picture, ".jpg")
    assert block not in encode_picture(picture, ".png")


def test_an_exif_block_too_large_for_jpeg_is_left_out(pixels, exif):
    picture = Picture(pixels(3), Metadata(exif=exif + bytes(70_000)))
    assert read_picture(encode_picture(picture, ".jpg")).metadata.exif is None
    assert read_picture(encode_picture(picture, ".png")).metadata.exif == picture.metadata.exif


def test_webp_is_lossless_where_its_source_is(pixels):
    exact = Picture(pixels(4))
    exact.pixels[:5, :, 3] = 0  # colors under transparent pixels count too
    lossy = Picture(exact.pixels, Metadata(lossless=False))
    np.testing.assert_array_equal(read_picture(encode_picture(exact, ".webp")).pixels, exact.pixels)
    data = encode_picture(lossy, ".webp")
    assert not read_picture(data).metadata.lossless
    assert describe_encoding(exact, "a.webp") == "lossless WebP"
    assert describe_encoding(lossy, "a.webp", quality=80) == "WebP quality 80"
    assert describe_encoding(Picture(pixels(3)), "a.JPG") == "JPEG quality 95"
    assert describe_encoding(lossy, "a.tif") == "lossless TIFF"


@pytest.mark.parametrize(
    ("channels", "dtype", "name", "words"),
    [
        (4, "uint8", "a.jpg", "cannot hold an alpha channel; write PNG, TIFF or WebP"),
        (2, "uint8", "a.jpeg", "cannot hold an alpha channel"),
        (3, "uint16", "a.jpg", "cannot hold uint16 pixels without losing depth; write PNG or TIFF"),
        (3, "uint16", "a.webp", "cannot hold uint16"),
        (3, "float32", "a.png", "cannot hold float32 pixels without losing depth; write TIFF"),
        (3, "float32", "a.webp", "cannot hold float32"),
        (3, "uint8", "a.bmp", "BMP can only be read; write JPEG, PNG, TIFF or WebP"),
        (3, "uint8", "a.xyz", r"ends in \.xyz; use one of \.jpg, \.jpeg"),
        (3, "uint8", "a", "has no suffix"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, pixels, channels, dtype, name, words):
    with pytest.raises(PictureError, match=words):
        write_picture(Picture(pixels(channels, dtype)), tmp_path / name)
    with pytest.raises(PictureError, match=words):
        describe_encoding(Picture(pixels(channels, dtype)), name)
    assert not list(tmp_path.iterdir())


def test_sides_and_qualities_out_of_range_are_refused():
    wide = Picture(np.zeros((1, 16384, 3), np.uint8))
    with pytest.raises(
        PictureError, match="WebP holds at most 16383 pixels a side, and the picture has 16384×1"
    ):
        encode_picture(wide, ".webp")
    with pytest.raises(PictureError, match="quality must be between 1 and 100, not 0"):
        encode_picture(wide, ".jpg", quality=0)


@pytest.mark.parametrize(
    ("suffix", "slow"), [(".png", {"compress_level": 6}), (".tif", {"compression": "tiff_adobe_deflate"})]
)
def test_lossless_photos_are_hardly_larger_than_those_that_take_twice_as_long(suffix, slow):
    photo = np.ascontiguousarray(read_picture(DEMO).pixels[600:1000, 800:1300])
    usual = io.BytesIO()
    Image.fromarray(photo).save(usual, "PNG" if suffix == ".png" else "TIFF", **slow)
    assert len(encode_picture(Picture(photo), suffix)) < 1.15 * len(usual.getvalue())
