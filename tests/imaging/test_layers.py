"""Layered files: written, read by psd-tools and by this package, and rendered like the flattened picture."""

import io
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from PIL import Image

from cdtnet import Picture, PictureError
from cdtnet.imaging import Metadata, encode_picture, read_picture
from cdtnet.imaging.geometry import Window
from cdtnet.imaging.layered import check_layers, encode_layers, read_layers
from cdtnet.imaging.layers import Sheet, Stack, stack_of

psd_tools = pytest.importorskip("psd_tools")
RESOLUTION = (300 / 25.4, 300 / 25.4)


def over(below, above, share):
    """Convert to the picture's depth, rounded."""
    top = np.iinfo(below.dtype).max
    part = share[..., None].astype(np.float64) / top
    return np.rint(part * above + (1 - part) * below).astype(below.dtype)


@pytest.fixture(params=[np.uint8, np.uint16], ids=["8 bit", "16 bit"])
def stack(request, random, p3):
    """A background, a foreground with soft edges that is hidden, and the harmonized one."""
    top = np.iinfo(request.param).max
    scene = random.integers(0, top + 1, (40, 60, 3)).astype(request.param)
    layer = np.zeros((40, 60, 4), request.param)
    layer[10:30, 20:50] = random.integers(0, top + 1, (20, 30, 4))
    layer[15:25, 25:45, 3] = top
    metadata = Metadata(icc=p3, resolution=RESOLUTION)
    picture = Picture(over(scene, layer[..., :3], layer[..., 3]), metadata)
    background = Picture(scene, metadata)
    return stack_of(picture, background, scene, Picture(layer, metadata))


@pytest.mark.parametrize("suffix", [".psd", ".ora"])
def test_our_own_file_is_read_as_cut_out_and_background(tmp_path, stack, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encode_layers(stack, suffix))
    foreground, background = read_layers(path)
    harmonized = stack.sheets[-1]
    inside = harmonized.mask > 0
    found = foreground.pixels[harmonized.window.slices]
    assert np.array_equal(found[..., 3], harmonized.mask)
    assert np.array_equal(found[inside][..., :3], harmonized.pixels[inside])
    assert not foreground.pixels[:10].any()
    assert np.array_equal(background.pixels, stack.sheets[0].pixels)
    for picture in (foreground, background):
        assert picture.metadata.icc == stack.picture.metadata.icc
        np.testing.assert_allclose(picture.metadata.resolution, RESOLUTION, rtol=1e-3)
    before, _ = read_layers(path, "Foreground")
    expected = stack.sheets[1].pixels[inside]
    assert np.array_equal(before.pixels[harmonized.window.slices][inside][..., :3], expected)


def test_psd_tools_draws_the_picture(stack):
    psd = psd_tools.PSDImage.open(io.BytesIO(encode_layers(stack, ".psd")))
    top = np.iinfo(stack.picture.pixels.dtype).max
    assert [(layer.name, layer.visible, layer.has_mask()) for layer in psd] == [
        ("Background", True, False),
        ("Foreground", False, True),
        ("Harmonized", True, True),
    ]
    assert np.array_equal(
        np.rint(psd.numpy() * top), stack.picture.pixels
    )  # what programs without layers show
    from psd_tools.composite import composite

    drawn = composite(psd, force=True)[0] * top
    assert np.abs(np.rint(drawn) - stack.picture.pixels.astype(int)).max() <= 1


def test_openraster_holds_what_its_specification_asks_for(stack):
    with zipfile.ZipFile(io.BytesIO(encode_layers(stack, ".ora"))) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert archive.read("mimetype") == b"image/openraster"
        image = ElementTree.fromstring(archive.read("stack.xml"))
        assert (image.get("w"), image.get("h"), image.get("xres")) == ("60", "40", "300")
        names = [(each.get("name"), each.get("visibility")) for each in image.find("stack")]
        assert names == [("Harmonized", "visible"), ("Foreground", "hidden"), ("Background", "visible")]
        merged = read_picture(archive.read("mergedimage.png"))
        assert np.array_equal(merged.pixels, stack.picture.pixels)
        with Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png"))) as thumbnail:
            assert max(thumbnail.size) <= 256


def test_tiff_shows_the_picture_and_holds_the_layers(stack):
    data = encode_layers(stack, ".tif")
    flat = read_picture(data)
    assert np.array_equal(flat.pixels, stack.picture.pixels)
    assert flat.metadata.icc == stack.picture.metadata.icc
    np.testing.assert_allclose(flat.metadata.resolution, RESOLUTION, rtol=1e-3)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        block = tifffile.TiffFile(io.BytesIO(data)).pages[0].tags[37724].value
        assert file.byteorder == ">"  # of the layers, which psd-tools and Photoshop take from the file
    head = b"Adobe Photoshop Document Data Block\0"
    assert block.startswith(head)
    from psd_tools.psd.layer_and_mask import LayerInfoBlock

    signature, key = block[len(head) : len(head) + 4], block[len(head) + 4 : len(head) + 8]
    assert (signature, key) == (b"8BIM", b"Layr" if flat.pixels.dtype == np.uint8 else b"Lr16")
    layers = LayerInfoBlock.read(io.BytesIO(block[len(head) + 12 :]))
    assert [record.name for record in layers.layer_records] == ["Background", "Foreground", "Harmonized"]


@pytest.mark.parametrize("suffix", [".psd", ".ora"])
def test_gray_and_transparent_pictures_have_layers_too(tmp_path, random, suffix):
    for channels in (1, 2, 4):
        scene = random.integers(1, 256, (20, 30, channels), dtype=np.uint8)
        layer = np.zeros((20, 30, 2 if channels < 3 else 4), np.uint8)
        layer[5:10, 5:10] = 200
        stack = stack_of(Picture(scene), Picture(scene), scene, Picture(layer))
        path = tmp_path / f"a{suffix}"
        path.write_bytes(encode_layers(stack, suffix))
        foreground, background = read_layers(path)
        assert set(foreground.pixels[6, 6].tolist()) == {200}
        shown = background.pixels if channels in (2, 4) else scene
        assert np.abs(background.pixels[..., :1].astype(int) - scene[..., :1]).max() <= 1
        assert shown.shape[:2] == (20, 30)


def openraster(path, *layers):
    """(name, PNG, attributes), the highest first."""
    listed = "".join(
        f'<layer name="{name}" src="{k}.png" {more}/>' for k, (name, _, more) in enumerate(layers)
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "image/openraster")
        archive.writestr("stack.xml", f'<image w="8" h="6"><stack>{listed}</stack></image>')
        for k, (_, pixels, _) in enumerate(layers):
            archive.writestr(f"{k}.png", encode_picture(Picture(pixels), ".png"))


def plain(value, *size):
    return np.full((*size, 4), (value, value, value, 255), np.uint8)


def test_layers_of_others_are_placed_blended_and_cut_at_the_canvas(tmp_path):
    path = tmp_path / "a.ora"
    openraster(
        path,
        ("hidden", plain(9, 2, 2), 'visibility="hidden"'),
        ("object", plain(200, 4, 4), 'x="6" y="-2" opacity="0.5"'),
        ("glaze", plain(100, 6, 8), 'opacity="0.25"'),
        ("scene", plain(20, 6, 8), ""),
    )
    foreground, background = read_layers(path)
    assert np.unique(background.pixels).tolist() == [40]
    assert foreground.pixels.shape == (6, 8, 4)
    assert np.array_equal(foreground.pixels[..., 3] > 0, np.pad(np.ones((2, 2), bool), ((0, 4), (6, 0))))
    assert foreground.pixels[0, 7].tolist() == [200, 200, 200, 128]
    assert read_layers(path, "hidden")[1].pixels[0, 7, 0] == 120


@pytest.mark.parametrize(
    ("layers", "name", "words"),
    [
        ([("one", plain(1, 6, 8), "")], None, "fewer than two visible layers"),
        (
            [("one", plain(1, 6, 8), ""), ("two", plain(1, 6, 8), "")],
            "three",
            "no layer 'three'; it has 'two', 'one'",
        ),
        (
            [("one", plain(1, 6, 8), 'composite-op="svg:multiply"'), ("two", plain(1, 6, 8), "")],
            None,
            "'one' that is not blended normally",
        ),
        ([("one", plain(1, 6, 8), 'x="a"'), ("two", plain(1, 6, 8), "")], None, "damaged"),
    ],
)
def test_what_is_no_object_over_a_background_is_refused(tmp_path, layers, name, words):
    openraster(tmp_path / "a.ora", *layers)
    with pytest.raises(PictureError, match=words):
        read_layers(tmp_path / "a.ora", name)


@pytest.mark.parametrize("suffix", [".psd", ".ora"])
@pytest.mark.parametrize("part", [0, 0.3])
def test_half_a_layered_file_is_refused(tmp_path, stack, suffix, part):
    data = encode_layers(stack, suffix)
    (tmp_path / f"a{suffix}").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(PictureError, match=r"a\..*\.$"):
        read_layers(tmp_path / f"a{suffix}")


def test_a_canvas_that_no_memory_holds_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.ora", "w") as archive:
        layers = '<layer src="a.png"/><layer src="a.png"/>'
        archive.writestr("stack.xml", f'<image w="9999999" h="9999999"><stack>{layers}</stack></image>')
    with pytest.raises(PictureError, match="GB are free"):
        read_layers(tmp_path / "a.ora")


def test_what_cannot_be_held_is_said_before():
    floats, bytes_ = Picture(np.zeros((2, 2, 3), np.float32)), Picture(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(PictureError, match="cannot hold float32"):
        check_layers(floats, "a.psd")
    with pytest.raises(PictureError, match=r"not to \.jpg"):
        check_layers(bytes_, "a.jpg")
    with pytest.raises(PictureError, match="at most 30000"):
        check_layers(Picture(np.broadcast_to(np.uint8(0), (1, 30001, 3))), "a.psd")
    assert check_layers(bytes_, "a.ora") == "OpenRaster with layers"


def test_an_empty_foreground_makes_layers_all_the_same():
    scene = Picture(np.zeros((4, 5, 3), np.uint8))
    stack = stack_of(scene, scene, scene.pixels, Picture(np.zeros((4, 5, 4), np.uint8)))
    assert [sheet.window for sheet in stack.sheets] == [Window(0, 0, 4, 5)] * 3
    assert isinstance(stack, Stack)
    assert isinstance(stack.sheets[0], Sheet)
    assert encode_layers(stack, ".psd")
