from __future__ import annotations

import io
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageOps

from cdtnet.errors import PictureError
from cdtnet.imaging import Metadata, Picture, like, read_picture, to_mask, to_picture


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64", ">u2", ">f4"])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_arrays_come_back_as_they_were(dtype, shape):
    values = np.random.default_rng(0).random(shape)
    array = (values * (250 if "u" in dtype else 1)).astype(np.float16).astype(dtype)
    picture = to_picture(array)
    assert picture.pixels.dtype.isnative
    assert picture.pixels.dtype == (np.float32 if "f" in dtype else np.dtype(dtype).newbyteorder("="))
    assert picture.pixels.shape == (*shape, 1)[:3]
    back = like(picture, array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 5), np.int64), r"int64 array of shape \(4, 5\); give a file path, the bytes of a file"),
        (np.zeros((4, 5), bool), "bool array"),
        (np.zeros((4, 5, 2), np.uint8), r"\(4, 5, 2\)"),
        (np.zeros((2, 4, 5, 3), np.uint8), r"\(2, 4, 5, 3\)"),
        (np.zeros((3, 4, 5), np.uint8), r"\(3, 4, 5\)"),
        (np.zeros((0, 5, 3), np.uint8), "at least one pixel"),
        (np.zeros((0, 5, 3), np.float32), "at least one pixel"),
        (np.array([[np.nan, 2.0]]), "from 2 to 2"),
        (np.full((4, 5), np.inf), "from inf to inf"),
        (np.array([[0.0, 255.0]]), "from 0 to 255; scale it first"),
        (np.array([[-0.1, 0.5]]), "from -0.1 to 0.5"),
        ([[0, 1]], "made from a list"),
        (None, "made from a NoneType"),
    ],
)
def test_other_things_are_refused(array, words):
    with pytest.raises(PictureError, match=words):
        to_picture(array)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_pil_images_come_back_as_they_were(pixels, p3, exif, mode):
    array = pixels(1, "uint16")[..., 0] if mode == "I;16" else pixels(len(mode)).squeeze()
    image = Image.fromarray(array, "LA" if mode == "LA" else None)
    image.info.update(icc_profile=p3, exif=b"Exif\0\0" + exif, dpi=(300, 300))
    picture = to_picture(image)
    np.testing.assert_array_equal(picture.pixels.squeeze(), array)
    assert (picture.metadata.icc, picture.metadata.exif) == (p3, exif)
    back = like(picture, image)
    assert (back.mode, back.size, back.info) == (image.mode, image.size, image.info)
    assert back.tobytes() == image.tobytes()


def test_pil_palettes_are_spread_out(pixels):
    palette = Image.fromarray(pixels(3)).quantize(8)
    np.testing.assert_array_equal(to_picture(palette).pixels, np.asarray(palette.convert("RGB")))
    assert like(to_picture(palette), palette).mode == "RGB"
    palette.info["transparency"] = 2
    back = like(to_picture(palette), palette)
    assert (back.mode, back.info) == ("RGBA", {})
    np.testing.assert_array_equal(np.asarray(back), np.asarray(palette.convert("RGBA")))
    bits = Image.fromarray(pixels(1)[..., 0] > 128)
    np.testing.assert_array_equal(to_picture(bits).pixels[..., 0], np.asarray(bits) * np.uint8(255))


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "HSV", "F", "I", "YCbCr"])
def test_other_pil_modes_are_refused(mode):
    with pytest.raises(PictureError, match=f"mode {mode} cannot be used; convert it"):
        to_picture(Image.new(mode, (4, 4)))


def test_a_broken_pil_image_is_refused(tmp_path, pixels):
    Image.fromarray(pixels(3)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:900])
    with Image.open(tmp_path / "b.png") as image, pytest.raises(PictureError, match="cannot be decoded"):
        to_picture(image)


def test_pil_orientation_stays_to_be_applied(tmp_path, pixels):
    """Pixels are not rotated, so that the tag must be kept."""
    image = Image.fromarray(pixels(3))
    block = Image.Exif()
    block[0x0112] = 6
    image.info["exif"] = block.tobytes()
    for name in ("a.png", "a.tif", "a.webp"):
        to_picture(image).save(tmp_path / name)
        with Image.open(tmp_path / name) as saved:
            assert saved.getexif()[0x0112] == 6
            np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(saved)), np.rot90(pixels(3), -1))
        np.testing.assert_array_equal(read_picture(tmp_path / name).pixels, np.rot90(pixels(3), -1))


def test_paths_and_pictures(tmp_path, pixels, p3):
    path = tmp_path / "a.png"
    picture = Picture(pixels(4), Metadata(icc=p3))
    picture.save(path)
    for source in (path, str(path)):
        read = to_picture(source)
        assert like(read, source) is read
        np.testing.assert_array_equal(read, picture)  # by way of __array__
    assert to_picture(picture) is picture
    assert like(read, picture) is read
    assert (picture.height, picture.width) == (21, 34)
    np.testing.assert_array_equal(picture.alpha, pixels(4)[..., 3])
    assert Picture(pixels(3)).alpha is None
    assert repr(picture) == "<Picture 34×21, RGB with alpha, uint8>"
    assert picture.replace_pixels(pixels(3)).metadata == picture.metadata
    assert np.asarray(picture, dtype=np.float32).dtype == np.float32
    assert np.asarray(picture) is picture.pixels or np.shares_memory(np.asarray(picture), picture.pixels)


def test_a_picture_checks_its_pixels():
    with pytest.raises(PictureError, match="float64"):
        Picture(np.zeros((2, 2, 3)))
    with pytest.raises(PictureError, match=r"\(2, 2\)"):
        Picture(np.zeros((2, 2), np.uint8))


@pytest.mark.slow
def test_arrays_need_neither_torch_nor_vips_nor_pil():
    program = (
        "import sys, numpy, cdtnet.imaging as i; p = i.to_picture(numpy.zeros((2, 2, 3), 'uint8'));"
        "i.color_codec(p).decode(p.pixels); i.to_mask(numpy.ones((2, 2), bool), 2, 2);"
        "print(*{'torch', 'pyvips', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_files_in_memory(tmp_path, pixels):
    Image.fromarray(pixels(3)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    stream = io.BytesIO(data)
    with (tmp_path / "a.png").open("rb") as file:
        for source in (data, bytearray(data), memoryview(data), stream, file):
            for _ in range(2):  # a stream is left where it was
                picture = to_picture(source)
                np.testing.assert_array_equal(picture.pixels, pixels(3))
                assert like(picture, source) is picture
    with pytest.raises(PictureError, match="open it in binary mode"):
        to_picture(io.StringIO("text"))


def test_a_first_dimension_of_1(pixels):
    plane = pixels(1)[..., 0]
    picture = to_picture(plane[None])
    np.testing.assert_array_equal(picture.pixels[..., 0], plane)
    np.testing.assert_array_equal(like(picture, plane[None]), plane[None])
    np.testing.assert_array_equal(to_mask(plane[None], 21, 34), plane)


def test_arrays_are_read_while_another_thread_imports_pytorch(pixels, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))  # as far as it is until it ends
    np.testing.assert_array_equal(to_picture(pixels(3)).pixels, pixels(3))
    assert to_mask(np.ones((21, 34), bool), 21, 34).all()


@pytest.mark.parametrize("shape", ["chw", "hwc", "bchw", "bhwc", "hw", "1hw", "11hw"])
@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16", "uint8"])
def test_tensors(pixels, shape, kind):
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, kind)
    channels = 3 if "c" in shape else 1
    values = torch.from_numpy(pixels(channels, "uint8" if kind == "uint8" else "float32")).to(dtype)
    tensor = values.permute(2, 0, 1) if "chw" in shape or shape.endswith("1hw") else values
    tensor = values[..., 0] if shape == "hw" else tensor
    tensor = tensor[None] if shape[0] == "b" or shape == "11hw" else tensor
    picture = to_picture(tensor)
    assert picture.pixels.shape == (21, 34, channels)
    back = like(picture, tensor)
    assert back.dtype == dtype
    assert torch.equal(back, tensor)
    mask = to_mask(torch.ones(21, 34, dtype=torch.int64), 21, 34)
    assert (mask == 255).all()
