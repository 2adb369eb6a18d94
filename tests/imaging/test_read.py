from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from cdtnet.errors import PictureError
from cdtnet.imaging import read_picture


def saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_pixels_are_the_files_own(tmp_path, pixels, mode, kind):
    expected = pixels(len(mode))
    path = tmp_path / "picture[page=1].ext"  # brackets would be options to libvips
    path.write_bytes(saved(Image.fromarray(expected.squeeze(), mode if mode == "LA" else None), kind))
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint8
    np.testing.assert_array_equal(picture.pixels, expected)
    assert picture.metadata.format == kind
    assert picture.metadata.lossless


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiff_keeps_its_depth(tmp_path, pixels, dtype, channels):
    expected = pixels(channels, dtype)
    if dtype == "float32":
        expected[0, 0] = 1.75  # beyond white
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    photometric = "rgb" if channels > 1 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", expected.squeeze(), photometric=photometric, **extra)
    picture = read_picture(tmp_path / "a.tif")
    assert picture.pixels.dtype == dtype
    np.testing.assert_array_equal(picture.pixels, expected)


@pytest.mark.parametrize(("color", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png_of_16_bits(pixels, color, channels):
    expected = pixels(channels, "uint16", 5, 7)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in expected)
    data = png(7, 5, 16, color, rows)
    picture = read_picture(data)
    assert picture.pixels.dtype == np.uint16
    np.testing.assert_array_equal(picture.pixels, expected)


def png(width: int, height: int, depth: int, color: int, rows: bytes, extra: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_jpeg_is_decoded_without_color_conversion(tmp_path, pixels, p3):
    smooth = Image.fromarray(pixels(3, "uint8", 4, 4)).resize((64, 48), Image.Resampling.BICUBIC)
    plain = saved(smooth, "JPEG", quality=90, subsampling=0)
    tagged = saved(smooth, "JPEG", quality=90, subsampling=0, icc_profile=p3)
    expected = np.asarray(Image.open(io.BytesIO(plain))).astype(int)
    assert abs(read_picture(plain).pixels - expected).max() <= 1  # decoders may round differently
    np.testing.assert_array_equal(read_picture(tagged).pixels, read_picture(plain).pixels)
    assert read_picture(tagged).metadata.icc == p3
    assert not read_picture(tagged).metadata.lossless


@pytest.mark.parametrize(
    ("lossless", "profile"), [(True, False), (False, False), (True, True), (False, True)]
)
def test_webp_tells_whether_it_is_lossless(pixels, p3, lossless, profile):
    image = Image.fromarray(pixels(3))
    data = saved(image, "WEBP", lossless=lossless, **({"icc_profile": p3} if profile else {}))
    picture = read_picture(data)
    assert picture.metadata.lossless is lossless
    assert np.array_equal(picture.pixels, np.asarray(image)) is lossless


def test_palettes_and_single_bits_are_spread_out(pixels):
    palette = Image.fromarray(pixels(3)).quantize(16)
    np.testing.assert_array_equal(
        read_picture(saved(palette, "PNG")).pixels, np.asarray(palette.convert("RGB"))
    )
    clear = saved(palette, "PNG", transparency=3)
    expected = np.asarray(Image.open(io.BytesIO(clear)).convert("RGBA"))
    assert (expected[..., 3] == 0).any()
    np.testing.assert_array_equal(read_picture(clear).pixels, expected)
    bits = Image.fromarray(pixels(1)[..., 0] > 128)
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(read_picture(saved(bits, kind)).pixels[..., 0], np.asarray(bits) * 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied_once(pixels, exif, orientation, kind):
    block = Image.Exif()
    block.load(exif)
    block[0x0112] = orientation
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation
    options = {"JPEG": {"quality": 100, "xmp": xmp}, "WEBP": {"lossless": True, "xmp": xmp}}.get(kind, {})
    gradient = np.add.outer(np.arange(21) * 8, np.arange(34) * 2).astype(np.uint8)
    data = saved(Image.fromarray(np.dstack([gradient] * 3)), kind, exif=block, **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))).astype(int)
    picture = read_picture(data)
    assert picture.pixels.shape == expected.shape
    assert abs(picture.pixels - expected).max() <= (1 if kind == "JPEG" else 0)
    read = Image.Exif()
    read.load(picture.metadata.exif)
    assert read.get(0x0112, 1) == 1
    assert read[0x010F] == "Maker"
    if kind in ("JPEG", "WEBP"):
        assert picture.metadata.xmp == xmp.replace(b'"%d"' % orientation, b'"1"')
    if kind != "TIFF":
        sides = read.get_ifd(0x8769)
        assert (sides[0xA002], sides[0xA003]) == ((34, 21) if orientation < 5 else (21, 34))


def test_resolution_is_read_where_there_is_one(pixels):
    image = Image.fromarray(pixels(3))
    assert read_picture(saved(image, "WEBP")).metadata.resolution is None
    for kind in ("PNG", "JPEG", "TIFF"):
        x, y = read_picture(saved(image, kind, dpi=(300, 200))).metadata.resolution
        assert (x * 25.4, y * 25.4) == pytest.approx((300, 200), rel=1e-4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.98])
def test_half_a_file_is_an_error(tmp_path, pixels, kind, part):
    options = {"compression": "tiff_lzw"} if kind == "TIFF" else {}
    data = saved(Image.fromarray(pixels(3, "uint8", 120, 160)), kind, **options)
    read_picture(data)
    path = tmp_path / "cut"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(PictureError, match=f"{path} is damaged, incomplete"):
        read_picture(path)


def test_flipped_bits_in_a_png_are_an_error(pixels):
    data = bytearray(saved(Image.fromarray(pixels(3, "uint8", 120, 160)), "PNG"))
    data[len(data) // 2] ^= 0x10
    with pytest.raises(PictureError, match="damaged"):
        read_picture(bytes(data))


def test_what_is_no_picture_is_refused_in_words(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("hello, world, this is no picture")
    (tmp_path / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    for name, words in [
        ("missing.png", "does not exist"),
        (".", "is a folder"),
        ("empty.png", "is empty"),
        ("text.jpg", "is not a picture of a supported format"),
        ("drawing.svg", "has a format that is not supported; export it"),
        ("text.jpg/a.png", "cannot be read"),
    ]:
        with pytest.raises(PictureError, match=words):
            read_picture(tmp_path / name)


def test_a_decompression_bomb_is_refused_by_its_header():
    bomb = png(60_000, 60_000, 8, 2, b"")
    with pytest.raises(PictureError, match="60000×60000 pixels, more than the limit of 1,073,741,824"):
        read_picture(bomb)
    small = saved(Image.new("RGB", (10, 10)), "PNG")
    with pytest.raises(PictureError, match="more than the limit of 99"):
        read_picture(small, max_pixels=99)
    assert read_picture(small, max_pixels=100).pixels.shape == (10, 10, 3)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_seen_as_rgb(kind):
    picture = read_picture(saved(Image.new("CMYK", (8, 8)), kind))
    assert picture.pixels.shape == (8, 8, 3)
    assert picture.metadata.native.pixels.shape == (8, 8, 4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_animations_and_pages_are_refused(pixels, kind):
    first, second = (Image.fromarray(pixels(3) // part) for part in (1, 2))
    with pytest.raises(PictureError, match="is animated"):
        read_picture(saved(first, kind, save_all=True, append_images=[second]))


def test_other_depths_and_channels_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    for array, options, words in [
        (np.zeros((4, 4), np.int16), {}, "stores its pixels as short"),
        (np.zeros((4, 4), np.uint32), {}, "stores its pixels as uint"),
        (
            np.zeros((4, 4, 5), np.uint8),
            {"photometric": "rgb", "planarconfig": "contig", "extrasamples": [0, 0]},
            "5 channels",
        ),
    ]:
        tifffile.imwrite(path, array, **options)
        with pytest.raises(PictureError, match=words):
            read_picture(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_a_file_that_libvips_cannot_open_is_refused():
    with pytest.raises(PictureError, match="cannot be read"):
        read_picture("/proc/self/mem")
