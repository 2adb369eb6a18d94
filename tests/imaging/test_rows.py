from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
import pyvips

from cdtnet.errors import PictureError
from cdtnet.imaging import Metadata, Picture, read_picture, write_picture
from cdtnet.imaging.rows import open_picture, read_header
from tests.processes import until


def test_rows_come_in_any_order_and_to_many_threads(tmp_path, random, pixels):
    expected = pixels(3, "uint8", 3000, 40)
    write_picture(Picture(expected), tmp_path / "a.tif")
    lazy = open_picture(tmp_path / "a.tif").pixels
    tops = random.integers(0, 2999, 80)
    wrong = []

    def look(share):
        for top in share:
            bottom = top + 1 + top % 700
            if not np.array_equal(lazy[top:bottom, 3:11], expected[top:bottom, 3:11]):
                wrong.append(top)

    threads = [threading.Thread(target=look, args=(tops[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    np.testing.assert_array_equal(lazy[..., -1][5:900], expected[5:900, :, -1])


def test_a_damaged_picture_leaves_no_thread_behind(tmp_path, pixels):
    path = tmp_path / "a.png"
    write_picture(Picture(pixels(3, "uint8", 1000, 200)), path)
    path.write_bytes(path.read_bytes()[:-100_000])
    before = threading.active_count()
    gc.disable()
    try:
        for _ in range(3):
            with pytest.raises(PictureError):
                open_picture(path).pixels[800:1000]
        until(lambda: threading.active_count() <= before)
        assert threading.active_count() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp"])
def test_all_else_is_what_reading_it_gives(tmp_path, pixels, p3, exif, xmp, suffix):
    path = tmp_path / f"a{suffix}"
    write_picture(Picture(pixels(3), Metadata(icc=p3, exif=exif, xmp=xmp)), path)
    lazy, whole = open_picture(path), read_picture(path)
    assert lazy.metadata == whole.metadata
    assert (lazy.pixels.shape, lazy.pixels.dtype) == (whole.pixels.shape, whole.pixels.dtype)
    np.testing.assert_array_equal(lazy.pixels[0:21], whole.pixels)
    assert read_header(path) == (whole.metadata.format, 21 * 34, whole.pixels.nbytes, None)


@pytest.mark.parametrize(
    ("name", "orientation", "options", "words"),
    [
        ("a.tif", 6, {}, "stored rotated or mirrored"),
        ("a.png", 1, {"interlace": True}, "stored interlaced or progressively"),
        ("a.jpg", 1, {"interlace": True}, "stored interlaced or progressively"),
    ],
)
def test_what_does_not_lie_from_top_to_bottom_is_refused(tmp_path, pixels, name, orientation, options, words):
    image = pyvips.Image.new_from_array(pixels(3))
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.write_to_file(str(tmp_path / name), **options)
    assert words in read_header(tmp_path / name).obstacle
    with pytest.raises(PictureError, match=rf"{name} is {words}, so .*; save it as an upright TIFF"):
        open_picture(tmp_path / name)


def test_too_many_pixels_are_refused(tmp_path, pixels):
    write_picture(Picture(pixels(3)), tmp_path / "a.tif")
    with pytest.raises(PictureError, match="34×21 pixels, more than the limit of 700"):
        open_picture(tmp_path / "a.tif", max_pixels=700)
