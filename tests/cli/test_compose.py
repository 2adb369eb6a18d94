"""`cdtnet compose` gives what Python gives; `tests/imaging/test_composition.py` tests the pasting itself."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cdtnet import Harmonizer, compose
from cdtnet.cli.main import main
from tests.cli.refusals import refusal


@pytest.fixture
def pair(tmp_path, random, monkeypatch):
    """object.png with alpha and scene.jpg in the working directory."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(random.integers(0, 256, (30, 20, 4), dtype=np.uint8)).save("object.png")
    Image.fromarray(random.integers(0, 256, (60, 90, 3), dtype=np.uint8)).save("scene.jpg")
    return tmp_path


def pixels(name):
    return np.asarray(Image.open(name))


PLACE = {"at": (-4.0, 8.5), "scale": 0.8, "rotate": -15.0}
WORDS = ["--at=-4,8.5", "--scale", "0.8", "--rotate", "-15"]


def test_it_writes_what_python_gives(pair, weights, capsys):
    extras = ["--mask-output", "mask.png", "--composite-output", "pasted.png"]
    arguments = ["compose", "object.png", "scene.jpg", *WORDS, *extras, "-o", "out.png", "--model", weights]
    assert main([*arguments, "--strength", "0.7"]) == 0
    assert capsys.readouterr().out == "out.png\n"
    made = compose("object.png", "scene.jpg", **PLACE)
    composite, mask = made
    assert np.array_equal(pixels("pasted.png"), composite.pixels)
    assert np.array_equal(pixels("mask.png"), mask)
    expected = Harmonizer(weights, "cpu")(composite, mask, strength=0.7, layer=made.layer).image
    assert np.array_equal(pixels("out.png"), expected.pixels)


def test_outputs_stand_beside_the_background(pair, weights, capsys):
    assert main(["compose", "object.png", "scene.jpg", "--model", weights]) == 0
    assert main(["compose", "object.png", "scene.jpg", "--no-harmonize"]) == 0
    assert capsys.readouterr().out == "scene_harmonized.jpg\nscene_composite.jpg\n"
    assert pixels("scene_composite.jpg").shape == (60, 90, 3)


def test_pasting_only_needs_no_weights(pair):
    arguments = ["compose", "object.png", "scene.jpg", "--no-harmonize", "--model", "none", "-o", "a.png"]
    assert main(arguments) == 0
    assert np.array_equal(pixels("a.png"), compose("object.png", "scene.jpg").composite.pixels)


def test_a_mask_instead_of_transparency(pair):
    Image.fromarray(pixels("object.png")[..., 3]).resize((10, 15)).save("small.png")
    arguments = ["compose", "scene.jpg", "scene.jpg", "--no-harmonize", "-o", "a.png", "--mask", "small.png"]
    assert main(arguments) == 1
    assert main([*arguments, "--resize-mask"]) == 0
    expected = compose("scene.jpg", "scene.jpg", mask="small.png", resize_mask=True).composite
    assert np.array_equal(pixels("a.png"), expected.pixels)


@pytest.mark.slow
def test_pipes(pair):
    command = [sys.executable, "-m", "cdtnet.cli.main", "compose", "-", "scene.jpg", "--no-harmonize"]
    data = (pair / "object.png").read_bytes()
    done = subprocess.run([*command, "-o", "-"], input=data, capture_output=True, check=True)
    expected = compose("object.png", "scene.jpg").composite
    assert np.array_equal(pixels(io.BytesIO(done.stdout)), expected.pixels)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scene.jpg", "object.png"], "no transparency"),
        (["object.png", "absent.jpg"], "absent.jpg does not exist"),
        (["object.png", "scene.jpg", "--at", "900,0"], "wholly outside"),
        (["object.png", "scene.jpg", "--scale", "0"], "scale must be"),
        (["object.png", "scene.jpg", "-o", "scene.jpg"], "--overwrite"),
        (["object.png", "scene.jpg", "--mask-output", "object.png"], "--overwrite"),
        (["object.png", "scene.jpg", "--mask-output", "a.png", "--composite-output", "a.png"], "same name"),
        (["object.png", "scene.jpg", "--mask-output", "a.gif"], "GIF is read, but not written"),
        (["object.png", "scene.jpg", "-o", "nowhere/a.png"], "nowhere/a.png"),
        (["-", "-"], "Only one"),
        (["object.png", "scene.jpg", "--model", "cdtnet-9"], "no model 'cdtnet-9'"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(pair, weights, capsys, arguments, sentence):
    given = [] if "--model" in arguments else ["--model", weights]
    assert sentence in refusal(capsys, "compose", *arguments, *given)


@pytest.mark.parametrize("words", [["--at", "3"], ["--at", "1,2,3"], ["--at", "a,b"], ["--scale", "big"]])
def test_wrong_usage_is_exit_code_2(pair, capsys, words):
    with pytest.raises(SystemExit) as exit_:
        main(["compose", "object.png", "scene.jpg", *words])
    assert exit_.value.code == 2
    capsys.readouterr()
