"""All formats: files are made, read, written and read again; docs/formats.md has the results."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from cdtnet.errors import CdtnetError, PictureError
from cdtnet.imaging import Metadata, Picture, color_codec, encode_picture, profiles, read_picture
from cdtnet.imaging.formats import FORMATS, WRITTEN, able, has_picture_suffix, result_suffix, why_unread
from tests.kinds import deep_jpeg_2000, pillow, smooth

DOCS = Path(__file__).parents[2] / "docs" / "formats.md"
LOSSY = ("JPEG", "WebP", "AVIF", "HEIC", "JXL")


def extras(kind: str) -> None:
    modules = {"HEIC": ["pillow_heif"], "JXL": ["pylibjxl", "OpenImageIO"], "EXR": ["OpenEXR"]}
    for module in modules.get(kind, []):
        pytest.importorskip(module)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    return png[:33] + b"".join(chunks) + png[33:]


@pytest.mark.parametrize("kind", ["GIF", "BMP", "PPM", "TGA", "JPEG2000"])
def test_formats_that_are_only_read(tmp_path, kind):
    options = {"irreversible": False} if kind == "JPEG2000" else {}
    suffix = {"PPM": ".ppm", "TGA": ".tga"}.get(kind, ".x")
    (tmp_path / f"a{suffix}").write_bytes(pillow(kind, **options))
    picture = read_picture(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read_picture((tmp_path / f"a{suffix}").read_bytes()).pixels, picture.pixels)
    assert picture.pixels.shape == (32, 48, 3)
    away = np.abs(picture.pixels.astype(int) - smooth()).max()
    assert away <= (60 if kind == "GIF" else 0)  # of 256 colors
    with pytest.raises(PictureError, match="can only be read; write JPEG, PNG, TIFF or WebP"):
        encode_picture(picture, FORMATS[picture.metadata.format].suffix)
    assert result_suffix(f"a{FORMATS[picture.metadata.format].suffix}") == ".png"


@pytest.mark.parametrize("most", [255, 1023, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_portable_pixmaps_keep_16_bits(most, channels):
    values = np.linspace(0, most, 8 * 4 * channels).astype(int).reshape(4, 8, channels)
    data = b"P%d\n# a comment\n8 4\n%d\n" % (6 if channels == 3 else 5, most)
    data += values.astype(np.uint8 if most < 256 else ">u2").tobytes()
    picture = read_picture(data)
    assert picture.pixels.dtype == (np.uint8 if most < 256 else np.uint16)
    top = 255 if most < 256 else 65535
    np.testing.assert_array_equal(picture.pixels, np.rint(values * (top / most)))
    with pytest.raises(PictureError, match=r"truncated|damaged"):
        read_picture(data[:-1])


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_is_written_is_read_again(kind, channels):
    extras(kind)
    for dtype in WRITTEN[kind].depths:
        deep = dtype == "uint16" and kind in ("AVIF", "HEIC")
        if channels in (2, 4) and not WRITTEN[kind].alpha:
            continue
        picture = Picture(
            smooth(channels, dtype), Metadata(bits=10 if deep else None, lossless=kind not in LOSSY)
        )
        again = read_picture(encode_picture(picture, WRITTEN[kind].suffix, quality=95))
        assert again.metadata.format == kind
        assert again.pixels.dtype == dtype
        wanted = (
            picture.pixels
            if again.pixels.shape == picture.pixels.shape
            else picture.pixels[..., [0, 0, 0, -1]]
        )
        if again.pixels.shape[2] == 3 and channels == 1:
            wanted = np.repeat(picture.pixels, 3, axis=2)
        top = 1 if dtype == "float32" else np.iinfo(dtype).max
        away = np.abs(again.pixels.astype(float) - wanted).max() / top
        assert away <= (0.06 if kind in LOSSY else 0), (kind, channels, dtype)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("kind", ["AVIF", "HEIC"])
def test_depth_between_8_and_16_bits(kind, bits):
    extras(kind)
    picture = Picture(smooth(3, "uint16"), Metadata(bits=bits))
    try:
        again = read_picture(encode_picture(picture, FORMATS[kind].suffix, quality=100))
    except PictureError:
        pytest.skip("an encoder without 12 bits")
    assert again.metadata.bits == bits
    assert again.pixels.max() == 65535
    assert np.abs(again.pixels.astype(int) - picture.pixels).max() < 65536 * 0.02


@pytest.mark.parametrize("kind", ["AVIF", "HEIC"])
def test_16_bits_become_12_where_a_format_holds_no_more_and_it_is_said(kind):
    extras(kind)
    with pytest.warns(UserWarning, match=f"{kind} holds 12 bits a channel; the picture has 16"):
        data = encode_picture(Picture(smooth(3, "uint16")), FORMATS[kind].suffix, quality=100)
    again = read_picture(data)
    assert again.metadata.bits == 12
    assert np.abs(again.pixels.astype(int) - smooth(3, "uint16")).max() < 65536 * 0.02


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_jpeg_xl_keeps_every_bit_and_metadata(channels, p3, exif, xmp):
    extras("JXL")
    metadata = Metadata(icc=p3 if channels > 1 else None, exif=exif, xmp=xmp, lossless=False)
    again = read_picture(encode_picture(Picture(smooth(channels, "uint16"), metadata), ".jxl"))
    np.testing.assert_array_equal(again.pixels, smooth(channels, "uint16"))
    assert again.metadata.exif == exif
    assert again.metadata.xmp == xmp
    assert channels == 1 or again.metadata.icc == p3


@pytest.mark.parametrize("kind", ["AVIF", "HEIC", "JXL"])
def test_new_formats_keep_profile_exif_and_xmp(kind, p3, exif, xmp):
    extras(kind)
    picture = Picture(smooth(), Metadata(icc=p3, exif=exif, xmp=xmp))
    again = read_picture(encode_picture(picture, FORMATS[kind].suffix)).metadata
    assert again.icc == p3
    assert again.xmp is not None
    assert again.xmp.strip(b"\0") == xmp
    assert b"Maker" in again.exif
    if kind != "AVIF":  # whose library writes the block anew
        assert again.exif == exif


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [("HEIC", "pillow_heif", "heif"), ("JXL", "pylibjxl", "jxl"), ("EXR", "OpenEXR", "exr")],
)
def test_a_format_without_its_library_names_the_extra(monkeypatch, kind, module, extra):
    heads = {"HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "JXL": b"\xff\x0a", "EXR": b"v/1\x01"}
    monkeypatch.setitem(sys.modules, module, None)
    words = rf"pip install 'cdtnet\[{extra}\]'"
    with pytest.raises(CdtnetError, match=words):
        read_picture(heads[kind] + bytes(80))
    dtype = WRITTEN[kind].depths[0]
    with pytest.raises(CdtnetError, match=words):
        encode_picture(Picture(smooth(3, dtype)), FORMATS[kind].suffix)


def test_openexr_keeps_half_floats_other_channels_and_what_lies_beyond_1(tmp_path):
    exr = pytest.importorskip("OpenEXR")
    pixels = (smooth(4, "float32") * 3).astype(np.float16)
    depth = np.arange(32 * 48, dtype=np.float32).reshape(32, 48)
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage, "owner": "someone"}
    exr.File(header, {"RGBA": pixels, "Z": depth}).write(str(tmp_path / "a.exr"))
    picture = read_picture(tmp_path / "a.exr")
    np.testing.assert_array_equal(picture.pixels, pixels.astype(np.float32))
    light = color_codec(picture).decode(np.full((1, 1, 4), 0.2140411, np.float32))
    np.testing.assert_allclose(light, 0.5, atol=1e-3)  # linear light
    pickle.loads(pickle.dumps(picture)).save(tmp_path / "b.exr")  # as between the nodes of a cluster
    again = exr.File(str(tmp_path / "b.exr"))
    assert again.header()["owner"] == "someone"
    np.testing.assert_array_equal(again.channels()["Z"].pixels, depth)
    assert again.channels()["RGBA"].pixels.dtype == np.float16
    np.testing.assert_array_equal(again.channels()["RGBA"].pixels, pixels)


def test_openexr_takes_linear_light_only(p3):
    extras("EXR")
    for metadata in (Metadata(icc=p3), Metadata(format="TIFF"), Metadata(icc=p3[:300])):
        with pytest.raises(PictureError, match="EXR holds linear light, and the picture's values are not"):
            encode_picture(Picture(smooth(3, "float32"), metadata), ".exr")
    linear = Metadata(icc=profiles.linear_srgb(), format="TIFF")
    assert read_picture(encode_picture(Picture(smooth(3, "float32"), linear), ".exr")).metadata.icc


def test_untagged_floats_may_be_linear(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", smooth(3, "float32"), photometric="rgb")
    gray = np.full((1, 1, 3), 0.2140411, np.float32)
    plain = read_picture(tmp_path / "a.tif")
    linear = read_picture(tmp_path / "a.tif", color_space="linear")
    np.testing.assert_allclose(color_codec(plain).decode(gray), gray)
    np.testing.assert_allclose(color_codec(linear).decode(gray), 0.5, atol=1e-3)
    np.testing.assert_array_equal(plain.pixels, linear.pixels)
    with pytest.raises(PictureError, match="no color space 'log'"):
        read_picture(tmp_path / "a.tif", color_space="log")


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
@pytest.mark.parametrize("tagged", [False, True])
def test_cmyk_comes_back_in_inks_and_bit_for_bit_where_nothing_changed(suffix, tagged):
    inks = smooth(4)
    image = pyvips.Image.new_from_array(inks).copy(interpretation="cmyk")
    if tagged:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", bytes(pyvips.Image.profile_load("cmyk")))
    data = image.tiffsave_buffer(compression="deflate") if suffix == ".tif" else image.jpegsave_buffer(Q=95)
    picture = read_picture(data)
    assert picture.pixels.shape == (32, 48, 3)
    assert ("common printing inks" in "".join(picture.metadata.left_out)) is not tagged
    pixels = picture.pixels.copy()
    pixels[:8] = np.clip(pixels[:8] + np.array([2000.0, 0, -2000]), 0, 65535).astype(np.uint16)
    changed = picture.replace_pixels(pixels)
    written = pyvips.Image.new_from_buffer(encode_picture(changed, suffix, quality=100), "")
    assert written.interpretation == "cmyk"
    assert bool(written.get_typeof("icc-profile-data")) is tagged
    before = picture.metadata.native.pixels
    if suffix == ".tif":
        np.testing.assert_array_equal(written.numpy()[8:], before[8:])
    assert (written.numpy()[:8] != before[:8]).any()
    seen = read_picture(encode_picture(changed, ".tif")).pixels[:8, 8:24].astype(float)
    assert (
        np.abs(seen - pixels[:8, 8:24]).mean()
        < np.abs(picture.pixels[:8, 8:24] - pixels[:8, 8:24].astype(float)).mean()
    )
    assert read_picture(encode_picture(changed, ".png")).pixels.shape == (32, 48, 3)


def test_adobe_rgb_by_exif_alone():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    picture = read_picture(pillow("JPEG", exif=exif.tobytes()))
    green = np.array([[[0, 200, 0]]], np.uint8)
    tagged = Picture(green, Metadata(icc=profiles.adobe_rgb()))
    np.testing.assert_allclose(color_codec(picture).decode(green), color_codec(tagged).decode(green))
    assert color_codec(picture).decode(np.array([[[100, 200, 100]]], np.uint8))[0, 0, 0] < 100 / 255 - 0.1
    exif.get_ifd(0x8769)[0xA001] = 1
    assert read_picture(pillow("JPEG", exif=exif.tobytes())).metadata.icc is None


def test_a_damaged_profile_is_said_in_words():
    picture = Picture(smooth(), Metadata(icc=profiles.adobe_rgb()[:300]))
    with pytest.raises(PictureError, match="color profile is damaged") as caught:
        color_codec(picture)
    assert "buffer" not in str(caught.value)


def test_png_says_again_what_it_said_of_colors_and_its_texts():
    gamma, places = (
        chunk(b"gAMA", struct.pack(">I", 100000)),
        chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
    )
    text = chunk(b"tEXt", b"Comment\0made by hand")
    data = with_chunks(pillow("PNG"), gamma, places, text)
    picture = read_picture(data)
    np.testing.assert_allclose(
        color_codec(picture).decode(np.array([[[55, 55, 55]]], np.uint8)), 0.502, atol=0.005
    )
    written = encode_picture(picture, ".png")
    for each in (gamma, places, text):
        assert written.count(each) == 1
    assert b"iCCP" not in written
    assert read_picture(encode_picture(picture, ".tif")).metadata.icc is not None  # which says the same there
    usual = with_chunks(pillow("PNG"), chunk(b"gAMA", struct.pack(">I", 45455)))
    assert read_picture(usual).metadata.icc is None


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_signals_are_honoured(transfer):
    code = chunk(b"cICP", bytes([9, transfer, 0, 1]))
    picture = read_picture(with_chunks(pillow("PNG"), code))
    codec = color_codec(picture)
    white = {16: 0.5807, 18: 0.75}[transfer]
    tile = np.full((1, 1, 3), round(white * 255), np.uint8)
    np.testing.assert_allclose(codec.decode(tile), 1, atol=0.02)
    before = codec.decode(picture.pixels)
    np.testing.assert_array_equal(codec.encode(picture.pixels, before, before), picture.pixels)
    assert code in encode_picture(picture, ".png")
    with pytest.raises(PictureError, match="HDR signal"):
        encode_picture(picture, ".tif")
    video = with_chunks(pillow("PNG"), chunk(b"cICP", bytes([9, 16, 9, 0])))
    with pytest.raises(PictureError, match="video signal"):
        read_picture(video)


def test_wide_gamut_code_points():
    picture = read_picture(with_chunks(pillow("PNG"), chunk(b"cICP", bytes([12, 13, 0, 1]))))
    p3 = Picture(picture.pixels, Metadata(icc=bytes(pyvips.Image.profile_load("p3"))))
    ours, theirs = (color_codec(each).decode(picture.pixels) for each in (picture, p3))
    np.testing.assert_allclose(ours, theirs, atol=0.004)


GAIN_MAP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:Container="http://ns.google.com/photos/1.0/container/"
 xmlns:Item="http://ns.google.com/photos/1.0/container/item/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
 xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 hdrgm:Version="1.0" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" xmp:Rating="4">
<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource">
<Container:Item Item:Semantic="Primary"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_gain_maps_and_videos_are_left_out_with_what_promises_them():
    picture = read_picture(pillow("JPEG", xmp=GAIN_MAP) + bytes(100))
    assert picture.metadata.left_out == (
        "The file's HDR gain map and video would not fit the changed picture and are left out.",
    )
    for word in (b"hdrgm", b"Container", b"MotionPhoto", b"Item:"):
        assert word not in picture.metadata.xmp
    assert b'xmp:Rating="4"' in picture.metadata.xmp


def test_a_second_picture_of_a_jpeg_is_told():
    stream = io.BytesIO()
    image = Image.fromarray(smooth())
    image.save(stream, "MPO", save_all=True, append_images=[image])
    assert "second picture" in read_picture(stream.getvalue()).metadata.left_out[0]
    assert read_picture(pillow("JPEG")).metadata.left_out == ()


def test_photoshops_thumbnail_goes_and_its_other_resources_stay():
    def resource(number: int, data: bytes) -> bytes:
        return (
            b"8BIM"
            + struct.pack(">H", number)
            + b"\0\0"
            + struct.pack(">I", len(data))
            + data
            + bytes(len(data) % 2)
        )

    body = (
        b"Photoshop 3.0\0"
        + resource(1028, b"\x1c\x02\x78\x00\x05Title")
        + resource(1036, b"thumb")
        + resource(1011, b"x")
    )
    data = pillow("JPEG")
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:]
    written = encode_picture(read_picture(data), ".jpg")
    assert b"Title" in written
    assert b"thumb" not in written
    assert resource(1011, b"x") in written


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_associated_alpha_stays_associated(dtype):
    random = np.random.default_rng(0)
    top = np.iinfo(dtype).max
    alpha = random.integers(0, top, (16, 16, 1), endpoint=True)
    pixels = np.concatenate([random.integers(0, top, (16, 16, 3), endpoint=True) * alpha // top, alpha], 2)
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels.astype(dtype), photometric="rgb", extrasamples=["ASSOCALPHA"])
    written = tifffile.TiffFile(io.BytesIO(encode_picture(read_picture(stream.getvalue()), ".tif"))).pages[0]
    assert [int(kind) for kind in written.extrasamples] == [1]
    np.testing.assert_array_equal(written.asarray(), pixels)


def _call_it_a_mask(path: Path) -> None:
    """Mark the last page as a mask, which tifffile does not write."""
    with tifffile.TiffFile(path) as file:
        place = file.pages[-1].tags[254].valueoffset
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, place, 4)
    path.write_bytes(data)


def test_thumbnails_and_masks_of_a_tiff_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(smooth(3, height=8, width=12), photometric="rgb", subfiletype=1)
        file.write(smooth(), photometric="rgb", description="the picture")
        file.write(smooth(1)[..., 0], photometric="minisblack", subfiletype=1)
    _call_it_a_mask(tmp_path / "a.tif")
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, smooth())
    assert b"the picture" in picture.metadata.exif


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP"])
def test_a_page_can_be_chosen(kind):
    stream = io.BytesIO()
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
    frames[0].save(
        stream,
        kind,
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if kind == "WEBP" else {}),
    )
    data = stream.getvalue()
    with pytest.raises(PictureError, match="select one with --page, 1 to 3"):
        read_picture(data)
    assert read_picture(data, page=2).pixels[0, 0, :3].tolist() == [0, 255, 0]
    with pytest.raises(PictureError, match="has 3 pages, so there is no page 4"):
        read_picture(data, page=4)
    with pytest.raises(PictureError, match="has one page, so there is no page 2"):
        read_picture(pillow("PNG"), page=2)


def test_camera_raw_is_refused_in_one_sentence(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.dng") as file:
        file.write(smooth(), photometric="rgb", subfiletype=1, extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    for name in ("a.dng", "a.tif"):
        (tmp_path / "a.dng").replace(tmp_path / name) if name == "a.tif" else None
        with pytest.raises(PictureError, match="is a camera raw file; develop it to TIFF or JPEG first"):
            read_picture(tmp_path / name)
    for head in (b"FUJIFILMCCD-RAW ", b"\0\0\0\x18ftypcrx \0\0\0\1crx ", b"II*\0\x10\0\0\0CR\2\0"):
        with pytest.raises(PictureError, match="camera raw"):
            read_picture(head + bytes(80))


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_jpeg_2000_is_not_cut_down(bits, monkeypatch):
    pytest.importorskip("OpenImageIO")
    data = deep_jpeg_2000(bits)
    picture = read_picture(data)
    assert picture.pixels.dtype == np.uint16
    assert np.abs(picture.pixels.astype(int) - smooth(3, "uint16")).max() <= 2 ** (16 - bits)
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    with pytest.raises(CdtnetError, match=r"more than 8 bits.*pip install 'cdtnet\[jp2\]'"):
        read_picture(data)


@pytest.mark.parametrize("kind", FORMATS)
def test_half_a_file_is_refused(tmp_path, kind):
    extras(kind)
    if kind in WRITTEN:
        data = encode_picture(Picture(smooth(3, WRITTEN[kind].depths[0])), WRITTEN[kind].suffix)
    else:
        data = pillow({"PNM": "PPM", "JPEG 2000": "JPEG2000"}.get(kind, kind))
    for part in (0.1, 0.5, 0.9):
        path = tmp_path / f"a{FORMATS[kind].suffix}"
        path.write_bytes(data[: int(len(data) * part)])
        if kind in ("JPEG 2000", "GIF"):  # of which libraries show what is there
            with suppress(PictureError):
                read_picture(path)
            continue
        with pytest.raises(PictureError, match=r"\.$"):
            read_picture(path)


def test_too_many_pixels_are_refused_by_the_header(tmp_path):
    for kind in FORMATS:
        if kind in ("HEIC", "JXL", "EXR"):
            continue
        data = (
            encode_picture(Picture(smooth(3)), WRITTEN[kind].suffix)
            if kind in WRITTEN
            else pillow({"PNM": "PPM", "JPEG 2000": "JPEG2000"}.get(kind, kind))
        )
        path = tmp_path / f"a{FORMATS[kind].suffix}"
        path.write_bytes(data)
        with pytest.raises(PictureError, match="more than the limit of 100"):
            read_picture(path, max_pixels=100)


def test_names_say_what_is_a_picture():
    assert has_picture_suffix("a/B.HEIC")
    assert has_picture_suffix("z.jfif")
    assert not has_picture_suffix("a.txt")
    assert "camera raw" in why_unread("x/IMG.CR2")
    assert "export it" in why_unread("a.psd")
    assert why_unread("a.jpg") is None
    assert able("float32") == "TIFF"


def features(kind: str, icc: bytes, exif: bytes, xmp: bytes) -> list[str]:
    """Return a row of the table, from writing and reading a file of the format."""
    extra = FORMATS[kind].extra
    name = f"{kind} ({', '.join(FORMATS[kind].suffixes)})"
    brought = f"`cdtnet[{extra}]`" if extra else "always"
    if kind not in WRITTEN:
        return [name, brought, "read only, results are PNG", "", "", "", "", "", ""]
    depths = [
        {"uint8": "8", "uint16": "16" if kind not in ("AVIF", "HEIC") else "10, 12", "float32": "float"}[
            depth
        ]
        for depth in WRITTEN[kind].depths
    ]
    alpha = 4 if WRITTEN[kind].alpha else 3
    iptc = b"8BIM\4\4\0\0" + struct.pack(">I", 10) + b"\x1c\x02\x78\x00\x05Title"
    metadata = Metadata(icc=icc if kind != "EXR" else None, exif=exif, xmp=xmp, iptc=iptc, format=kind)
    pixels = smooth(alpha, WRITTEN[kind].depths[0])
    again = read_picture(encode_picture(Picture(pixels, metadata), WRITTEN[kind].suffix))

    def kept(condition: object) -> str:
        return "yes" if condition else "no"

    profile = again.metadata.icc == icc
    return [
        name,
        brought,
        "lossy"
        if kind in ("JPEG", "AVIF", "HEIC")
        else "lossless, or lossy as its source"
        if kind in ("WebP", "JXL")
        else "lossless",
        ", ".join(depths),
        kept(again.alpha is not None),
        "linear light, its primaries" if kind == "EXR" else kept(profile),
        kept(again.metadata.exif),
        kept(again.metadata.xmp),
        kept(again.metadata.iptc),
    ]


def test_the_table_in_the_docs_is_true(p3, exif, xmp):
    for kind in FORMATS:
        extras(kind)
    heads = ["format", "library", "pixels", "bits a channel", "alpha", "profile", "EXIF", "XMP", "IPTC"]
    rows = [heads, ["---"] * len(heads), *(features(kind, p3, exif, xmp) for kind in FORMATS)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    text = DOCS.read_text(encoding="utf-8")
    begin, end = "<!-- made by tests/imaging/test_formats.py -->\n", "\n<!-- end -->"
    there = text.partition(begin)[2].partition(end)[0]
    assert there == table, f"put this into docs/formats.md:\n{table}"
