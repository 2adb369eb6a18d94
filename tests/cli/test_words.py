"""Short forms of commands are expanded, or answered by a message that names the likely cause."""

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import COMMANDS, main
from cdtnet.cli.words import understood
from tests.cli.refusals import refusal


@pytest.fixture
def folder(tmp_path, random, monkeypatch):
    """photo.png, its mask.png, inverted.png, rgba.png and cutout.png in the working directory."""
    monkeypatch.chdir(tmp_path)
    photo = random.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 255
    Image.fromarray(photo).save("photo.png")
    Image.fromarray(mask).save("mask.png")
    Image.fromarray(255 - mask).save("inverted.png")
    Image.fromarray(np.dstack((photo, mask))).save("rgba.png")
    Image.fromarray(np.dstack((np.where(mask[..., None] > 0, photo, 0), mask))).save("cutout.png")
    return tmp_path


def pixels(name):
    return np.asarray(Image.open(name))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("photo.png mask.png", "harmonize photo.png mask.png"),
        ("harmonise a.png b.png", "harmonize a.png b.png"),
        ("synthesise x", "synthesize x"),
        ("help", "--help"),
        ("help lut", "lut --help"),
        ("help harmonise", "harmonize --help"),
        ("harmonize a.png b.png --strength 70 %", "harmonize a.png b.png --strength 70%"),
        ("lut a.png b.png", "lut a.png b.png"),
        ("--version", "--version"),
        ("", ""),
    ],
)
def test_words_are_understood(typed, meant):
    assert understood(typed.split(), COMMANDS) == meant.split()


def test_two_pictures_without_a_verb_are_harmonized(folder, weights, capsys):
    assert main(["photo.png", "mask.png", "--model", weights, "-o", "a.png", "--strength", "70", "%"]) == 0
    assert capsys.readouterr().out == "a.png\n"
    assert (
        main(["harmonise", "photo.png", "mask.png", "--model", weights, "-o", "b.png", "--strength", "0.7"])
        == 0
    )
    np.testing.assert_array_equal(pixels("a.png"), pixels("b.png"))
    assert (pixels("a.png") != pixels("photo.png")).any()


def test_help_names_a_verbs_options(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["help", "lut"])
    assert exit_.value.code == 0
    assert "usage: cdtnet lut" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["harmonzie", "a.png"], "there is no command 'harmonzie'; did you mean harmonize?"),
        (["xyzzy"], "cdtnet help lists all"),
        (["photo.png", "mask.png", "--strength", "70"], "70 is more than 1; for 70 percent write 70%"),
        (["photo.png", "mask.png", "--grow", "2", "--shrink", "2"], "not allowed with"),
    ],
)
def test_wrong_words_get_a_hint(folder, capsys, words, sentence):
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["mask.png", "photo.png"], "if both are swapped, give the picture first"),
        (["photo.png"], "has no alpha channel to use as the mask"),
        (["cutout.png"], "paste it onto one with cdtnet compose"),
        (["photo.png", "mask.png", "-o", "nowhere/a.png"], "its folder does not exist; create it first"),
    ],
)
def test_likely_causes_are_named(folder, weights, capsys, words, sentence):
    assert sentence in refusal(capsys, "harmonize", *words, "--model", weights)


def test_the_alpha_of_a_composite_is_its_mask(folder, weights):
    assert main(["harmonize", "rgba.png", "--model", weights, "-o", "a.png"]) == 0
    assert main(["harmonize", "photo.png", "mask.png", "--model", weights, "-o", "b.png"]) == 0
    np.testing.assert_array_equal(pixels("a.png"), pixels("b.png"))


def test_an_inverted_mask_is_said_and_can_be_inverted(folder, weights, capsys):
    assert main(["harmonize", "photo.png", "inverted.png", "--model", weights, "-o", "a.png"]) == 0
    assert "if it is inverted, add --invert-mask" in capsys.readouterr().err
    assert (
        main(["harmonize", "photo.png", "inverted.png", "--model", weights, "-o", "b.png", "--invert-mask"])
        == 0
    )
    assert "inverted" not in capsys.readouterr().err
    assert main(["harmonize", "photo.png", "mask.png", "--model", weights, "-o", "c.png"]) == 0
    np.testing.assert_array_equal(pixels("b.png"), pixels("c.png"))
