"""Layers on the command line; the files equal those of Python, byte for byte."""

import numpy as np
import pytest
from PIL import Image

from cdtnet import Harmonizer, Picture, compose, read_record
from cdtnet.cli.main import main
from cdtnet.imaging import encode_picture, read_picture, write_picture
from cdtnet.imaging.layered import read_layers
from tests.imaging.test_layers import openraster, plain

RUNTIME = ["--device", "cpu"]


@pytest.fixture
def folder(tmp_path, random, monkeypatch, weights):
    """A composite with its mask, a cut-out and a background."""
    monkeypatch.chdir(tmp_path)
    small = random.integers(80, 176, (6, 9, 3), dtype=np.uint8)
    scene = np.asarray(Image.fromarray(small).resize((90, 60)))
    mask = np.zeros((60, 90), np.uint8)
    mask[20:40, 30:70] = 255
    mask[40:44, 30:70] = 100
    cutout = np.dstack([scene[::-1, ::-1], mask])
    for name, pixels in (("in.png", scene), ("mask.png", mask[..., None]), ("cutout.png", cutout)):
        write_picture(Picture(np.ascontiguousarray(pixels)), name)
    # These weights make colors far beyond the range, which soft edges of layers could not hold.
    return ["--model", weights, "--strength", "0.1", *RUNTIME]


def over(background, layer):
    share = layer[..., 3:].astype(np.float64) / 255
    return np.rint(share * layer[..., :3] + (1 - share) * background)


def test_the_layer_over_the_composite_is_the_picture(folder, weights):
    command = ["harmonize", "in.png", "mask.png", "-o", "out.png", "--layer", "layer.png", "--warmth", "20"]
    assert main([*command, *folder]) == 0
    layer, out = read_picture("layer.png").pixels, read_picture("out.png").pixels
    assert layer.shape == (60, 90, 4)
    assert np.array_equal(layer[..., 3], read_picture("mask.png").pixels[..., 0])
    assert not layer[:20].any()
    assert np.abs(over(read_picture("in.png").pixels, layer) - out).max() <= 1
    result = Harmonizer(weights, "cpu")("in.png", "mask.png", warmth=20, strength=0.1)
    assert np.array_equal(result.layer.pixels, layer)


def test_the_layer_over_the_background_is_the_pasted_picture(folder):
    command = ["compose", "cutout.png", "in.png", "-o", "out.png", "--layer", "layer.png"]
    assert main([*command, *folder]) == 0
    layer, out = read_picture("layer.png").pixels, read_picture("out.png").pixels
    assert np.abs(over(read_picture("in.png").pixels, layer) - out).max() <= 1
    inside = layer[..., 3] > 0
    assert (layer[inside][:, :3] != read_picture("in.png").pixels[inside]).any()


@pytest.mark.parametrize("suffix", [".psd", ".ora"])
def test_layers_go_out_and_in_again(folder, suffix):
    pytest.importorskip("psd_tools")
    assert main(["compose", "cutout.png", "in.png", "-o", f"made{suffix}", "--record", *folder]) == 0
    assert read_record(f"made{suffix}")["strength"] == 0.1
    assert main(["compose", "cutout.png", "in.png", "-o", "flat.png", *folder]) == 0
    foreground, background = read_layers(f"made{suffix}")
    assert np.array_equal(background.pixels, read_picture("in.png").pixels)
    assert np.abs(over(background.pixels, foreground.pixels) - read_picture("flat.png").pixels).max() <= 1
    # The foreground as it was, over the same background: harmonized it is the same picture again.
    again = ["harmonize", f"made{suffix}", "--layer-name", "Foreground", "-o", "again.png"]
    assert main([*again, *folder]) == 0
    difference = np.abs(read_picture("again.png").pixels.astype(int) - read_picture("flat.png").pixels)
    assert difference.max() <= 2
    assert main(["compose", *again[1:4], "-o", "other.png", *folder]) == 0
    assert np.array_equal(read_picture("other.png").pixels, read_picture("again.png").pixels)


def test_a_layered_file_needs_no_mask_and_stays_layered(folder, weights, capsys):
    openraster("a.ora", ("object", plain(200, 20, 30), 'x="4" y="3"'), ("scene", plain(60, 40, 50), ""))
    assert main(["harmonize", "a.ora", *folder]) == 0
    assert capsys.readouterr().out == "a_harmonized.ora\n"
    foreground, background = read_layers("a.ora")
    made = compose(foreground, background, at=(0, 0))
    expected = Harmonizer(weights, "cpu")(made.composite, made.mask, layer=made.layer, strength=0.1).layer
    assert np.array_equal(read_layers("a_harmonized.ora")[0].pixels[..., 3], expected.pixels[..., 3])


def test_the_highest_layer_is_a_cut_out_for_another_background(folder):
    openraster("a.ora", ("object", plain(200, 3, 4), 'x="2" y="1"'), ("scene", plain(60, 6, 8), ""))
    assert main(["compose", "a.ora", "in.png", "--at", "10,20", "--no-harmonize", "-o", "out.png"]) == 0
    moved = np.argwhere((read_picture("out.png").pixels != read_picture("in.png").pixels).any(-1))
    assert moved.min(0).tolist() >= [20, 10]
    assert moved.max(0).tolist() <= [22, 13]


def test_layers_in_tiff_are_asked_for(folder):
    pytest.importorskip("psd_tools")
    for name, more in (("flat.tif", []), ("layers.tif", ["--layers"])):
        assert main(["harmonize", "in.png", "mask.png", "-o", name, *more, *folder]) == 0
    flat, layers = (read_picture(name).pixels for name in ("flat.tif", "layers.tif"))
    assert np.array_equal(flat, layers)
    with Image.open("layers.tif") as image:
        assert 37724 in image.tag_v2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["harmonize", "in.png"], "has no alpha channel to use as the mask"),
        (["harmonize", "in.png", "mask.png", "--layer-name", "a"], "leave out --layer-name"),
        (["harmonize", "in.png", "mask.png", "--layer", "layer.jpg"], "cannot hold an alpha channel"),
        (["harmonize", "in.png", "mask.png", "--layer", "in.png"], "also an input"),
        (["harmonize", "in.png", "mask.png", "-o", "a.png", "--layer", "a.png"], "the same name"),
        (["harmonize", "in.png", "mask.png", "-o", "a.jpg", "--layers"], "written to .psd, .ora and .tif"),
        (["compose", "cutout.png"], "Give a background"),
        (["compose", "cutout.png", "in.png", "--no-harmonize", "--layer", "b.png"], "leave out --layer"),
        (["compose", "cutout.png", "in.png", "--layer-name", "a"], "leave out --layer-name"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(folder, capsys, command, words):
    assert main([*command, *folder]) == 1
    assert words in capsys.readouterr().err


def test_the_layer_is_of_the_composites_kind(weights, random):
    harmonizer = Harmonizer(weights, "cpu")
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 10:20] = 255
    for shape, channels in (((40, 50, 3), 4), ((40, 50), 2), ((40, 50, 4), 4)):
        for dtype in (np.uint8, np.uint16):
            composite = random.integers(1, np.iinfo(dtype).max, shape).astype(dtype)
            layer = harmonizer(composite, mask).layer
            assert (layer.shape, layer.dtype) == ((40, 50, channels), dtype)
    image = Image.fromarray(random.integers(0, 255, (40, 50, 3), dtype=np.uint8))
    assert harmonizer(image, mask).layer.mode == "RGBA"
    floats = random.random((40, 50, 3))
    result = harmonizer(floats, mask)
    assert result.layer.dtype == np.float64
    solid = result.layer[..., 3] == 1
    np.testing.assert_allclose(result.layer[solid][:, :3], result.image[solid], atol=1e-6)
    assert encode_picture(harmonizer(Picture(np.ones((40, 50, 3), np.uint8)), mask).layer, ".png")
