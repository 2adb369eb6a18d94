"""`cdtnet lut` writes what Python writes; other programs: tests/imaging/test_cube_elsewhere.py."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cdtnet import Harmonizer, Lut
from cdtnet.cli.main import main
from cdtnet.imaging import Metadata, Picture, read_picture, write_picture
from tests.cli.refusals import refusal
from tests.imaging.test_color import PROFILES


@pytest.fixture
def pair(tmp_path, random, monkeypatch):
    """composite.png and a soft mask.png in the working directory."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save("composite.png")
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = random.integers(0, 256, (20, 20))
    Image.fromarray(mask).save("mask.png")
    return tmp_path


def pixels(name):
    return np.asarray(Image.open(name))


@pytest.mark.parametrize("profile", ["none", "p3"])
@pytest.mark.parametrize("strength", ["1", "0.6"])
def test_a_table_applied_to_its_own_composite_is_cdtnet_sim(random, tmp_path, capsys, profile, strength):
    picture = read_picture("examples/photos/bird_composite.jpg")
    deep = picture.pixels[::4, ::4] * np.uint16(257)
    write_picture(Picture(deep, Metadata(icc=PROFILES[profile])), tmp_path / "composite.tif")
    mask = read_picture("examples/photos/bird_mask.png").pixels[::4, ::4]
    mask = np.where(mask > 3, mask, 0).astype(np.uint8)  # which the network takes as none
    Picture(mask).save(tmp_path / "mask.png")
    files = [str(tmp_path / "composite.tif"), str(tmp_path / "mask.png")]
    assert main(["lut", *files]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'composite.cube'}\n"
    table = ["--apply", str(tmp_path / "composite.cube"), "--strength", strength]
    assert main(["lut", *files, *table]) == 0
    output = tmp_path / "composite_recolored.tif"
    assert capsys.readouterr().out == f"{output}\n"
    expected = Harmonizer("cdtnet-sim", "cpu")(*files, strength=float(strength)).image
    found = read_picture(output)
    assert found.metadata.icc == expected.metadata.icc
    assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= 2  # of 65,535
    assert np.abs(found.pixels.astype(int) - deep).max() > 2000


def test_size_and_strength_of_a_table(pair, weights, capsys):
    arguments = ["lut", "composite.png", "mask.png", "-o", "look.cube", "--model", weights]
    lut = Harmonizer(weights, "cpu")("composite.png", "mask.png").lut
    assert main([*arguments, "--size", "17", "--strength", "0.5"]) == 0
    assert capsys.readouterr().out == "look.cube\n"
    found = Lut.load("look.cube")
    np.testing.assert_allclose(found.table, lut.weakened(0.5).resized(17).table, atol=1e-6)
    assert main(arguments) == 0
    np.testing.assert_allclose(Lut.load("look.cube").table, lut.table, atol=1e-6)


def test_a_table_is_applied_as_python_does(pair, random, capsys):
    Lut(random.random((5, 5, 5, 3), dtype=np.float32)).save("look.cube")
    lut = Lut.load("look.cube")
    assert main(["lut", "--apply", "look.cube", "composite.png"]) == 0
    assert capsys.readouterr().out == "composite_recolored.png\n"
    assert np.array_equal(pixels("composite_recolored.png"), lut.recolor("composite.png").pixels)
    words = ["lut", "composite.png", "mask.png", "--apply", "look.cube", "--strength", "0.4", "-o", "out.png"]
    assert main(words) == 0
    expected = lut.recolor("composite.png", "mask.png", strength=0.4).pixels
    assert np.array_equal(pixels("out.png"), expected)


@pytest.mark.slow
def test_pipes(pair, weights):
    command = [sys.executable, "-m", "cdtnet.cli.main", "lut"]
    data = (pair / "composite.png").read_bytes()
    words = ["-", "mask.png", "--model", weights]
    table = subprocess.run([*command, *words], input=data, capture_output=True, check=True).stdout
    assert main(["lut", "composite.png", "mask.png", "--model", weights]) == 0
    assert (pair / "composite.cube").read_bytes() == table
    words = ["-", "--apply", "composite.cube"]
    done = subprocess.run([*command, *words], input=data, capture_output=True, check=True)
    expected = Lut.load("composite.cube").recolor("composite.png").pixels
    assert np.array_equal(pixels(io.BytesIO(done.stdout)), expected)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["composite.png"], "give its mask after the composite"),
        (["composite.png", "mask.png", "-o", "look.3dl"], "ends in .cube"),
        (["composite.png", "mask.png", "-o", "nowhere/look.cube"], "nowhere/look.cube"),
        (["composite.png", "mask.png", "--model", "is2am"], "There is no table: the model is2am has none"),
        (["composite.png", "absent.png"], "absent.png does not exist"),
        (["-", "-"], "Only one"),
        (["composite.png", "--apply", "absent.cube"], "absent.cube cannot be read"),
        (["composite.png", "--apply", "mask.png"], "not a text file"),
        (["composite.png", "--apply", "look.cube", "-o", "composite.png"], "--overwrite"),
        (["composite.png", "--apply", "look.cube", "-o", "out.gif"], "GIF can only be read"),
        (["composite.png", "small.png", "--apply", "look.cube"], "mask has 3×2 pixels and the picture 60×40"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(pair, random, capsys, arguments, sentence):
    Lut(random.random((2, 2, 2, 3), dtype=np.float32)).save("look.cube")
    Image.new("L", (3, 2)).save("small.png")
    assert sentence in refusal(capsys, "lut", *arguments)


@pytest.mark.parametrize("size", ["1", "257", "many"])
def test_wrong_usage_is_exit_code_2(pair, capsys, size):
    with pytest.raises(SystemExit) as exit_:
        main(["lut", "composite.png", "mask.png", "--size", size])
    assert exit_.value.code == 2
    capsys.readouterr()
