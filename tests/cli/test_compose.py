"""`cdtnet compose` writes what Python writes; `tests/imaging/test_composition.py` tests the pasting."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import cdtnet
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


PLACE = {"at": (-4.0, 8.5), "scale": 0.8, "rotate": -15.0, "flip": True}
WORDS = ["--at=-4,8.5", "--scale", "0.8", "--rotate", "-15", "--flip"]


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
    assert capsys.readouterr().out == "scene_object_harmonized.jpg\nscene_object_composite.jpg\n"
    assert pixels("scene_object_composite.jpg").shape == (60, 90, 3)


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
        (["object.png", "scene.jpg", "--mask-output", "a.gif"], "GIF can only be read"),
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


def test_several_cut_outs_are_pasted_and_harmonized_one_on_the_other(pair, weights):
    Image.fromarray(pixels("object.png")[::-1].copy()).save("other.png")
    places = ["--at", "5,5", "--at", "15,10", "--scale", "0.8"]
    extras = ["--mask-output", "mask.png", "--composite-output", "pasted.png"]
    command = ["compose", "object.png", "other.png", "scene.jpg", *places, "--model", weights]
    assert main([*command, *extras, "-o", "out.png"]) == 0
    harmonizer = Harmonizer(weights, "cpu")
    first = compose("object.png", "scene.jpg", at=(5, 5), scale=0.8)
    below = harmonizer(first.composite, first.mask, layer=first.layer).image
    second = compose("other.png", below, at=(15, 10), scale=0.8)
    expected = harmonizer(second.composite, second.mask, layer=second.layer).image
    assert np.array_equal(pixels("out.png"), expected.pixels)
    plain = compose("other.png", first.composite, at=(15, 10), scale=0.8)
    assert np.array_equal(pixels("pasted.png"), plain.composite.pixels)
    assert np.array_equal(pixels("mask.png") > 0, (first.mask > 0) | (plain.mask > 0))


def test_each_cut_out_of_a_folder_goes_onto_each_scene(pair, capsys):
    for folder in ("cuts", "scenes", "out"):
        (pair / folder).mkdir()
    for name in ("a", "b"):
        Image.open("object.png").save(f"cuts/{name}.png")
        Image.open("scene.jpg").save(f"scenes/{name}.jpg")
    Image.open("scene.jpg").save("cuts/c.jpg")
    Image.new("L", (90, 60), 255).save("cuts/c_mask.png")
    Image.open("scene.jpg").save("cuts/d.jpg")  # neither mask nor transparency
    assert main(["compose", "cuts", "scenes", "-o", "out", "--no-harmonize"]) == 1
    printed = capsys.readouterr()
    assert "Made: 6. Failed: 2." in printed.err
    assert "Failed: cuts/d.jpg on scenes/a.jpg: The foreground has no transparency" in printed.err
    made = sorted(path.name for path in (pair / "out").iterdir())
    assert made == [f"{scene}_{cut}_composite.jpg" for scene in "ab" for cut in "abc"]
    assert len(printed.out.splitlines()) == 6


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cuts", "scene.jpg"], "give an existing folder with -o"),
        (["cuts", "scene.jpg", "-o", "out"], "would both be written to scene_a; rename one"),
        (
            ["cuts", "scene.jpg", "-o", "out", "--mask-output", "m.png"],
            "for single pictures, not for folders",
        ),
        (["cuts"], "Give a background"),
        (["empty", "scene.jpg", "-o", "out"], "no pictures in empty"),
        (["object.png", "object.png", "scene.jpg", "--mask", "m.png"], "--mask belongs to one foreground"),
        (["object.png", "object.png", "scene.jpg", *["--scale", "1"] * 3], "--scale was given 3 times"),
        (["object.png", "scene.jpg", "--invert-mask"], "--invert-mask changes a mask"),
    ],
)
def test_what_folders_and_several_cut_outs_cannot_do_is_said(pair, capsys, words, sentence):
    for folder in ("cuts", "empty", "out"):
        (pair / folder).mkdir()
    for suffix in ("png", "webp"):
        Image.open("object.png").save(f"cuts/a.{suffix}")
    assert sentence in refusal(capsys, "compose", *words)


def test_pictures_may_stand_on_both_sides_of_an_option(pair):
    assert (
        main(["compose", "object.png", "--scale", "0.8", "scene.jpg", "-o", "a.png", "--no-harmonize"]) == 0
    )
    assert np.array_equal(pixels("a.png"), compose("object.png", "scene.jpg", scale=0.8).composite.pixels)


def test_the_edge_of_a_cut_out_is_changed_and_recorded(pair, weights):
    edge = ["--shrink", "2", "--feather", "1.5", "--defringe"]
    command = ["compose", "object.png", "scene.jpg", *edge, "--model", weights, "-o", "a.png", "--record"]
    assert main([*command, "--composite-output", "pasted.png"]) == 0
    cut = cdtnet.cut_out("object.png", grow=-2, feather=1.5, defringe=True)
    assert np.array_equal(pixels("pasted.png"), compose(cut, "scene.jpg").composite.pixels)
    record = cdtnet.read_record("a.png")
    assert (record["grow"], record["feather"], record["defringe"]) == (-2, 1.5, True)
