"""`cdtnet harmonize`, `compose` and `batch` with rough masks, labels and edges."""

import json

import numpy as np
import pytest
from PIL import Image

import cdtnet
from cdtnet import Harmonizer
from cdtnet.cli.main import main
from tests.cli.refusals import refusal
from tests.imaging.leaves import off, scene
from tests.web.little import little_to_change

UNSURE = "Little is changed, because"


def pixels(name):
    return np.asarray(Image.open(name))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """rough.png belongs to scene.png; labels.png has two objects; ramp.png is to be pasted."""
    monkeypatch.chdir(tmp_path)
    picture, mask = scene(200, 300)
    Image.fromarray(picture).save("scene.png")
    Image.fromarray(off(mask, 6)).save("rough.png")
    labels = np.zeros((200, 300), np.uint8)
    labels[20:80, 20:80], labels[120:180, 220:280] = 1, 2
    Image.fromarray(labels).save("labels.png")
    ramp = np.linspace(40, 200, 300).astype(np.uint8)
    Image.fromarray(np.broadcast_to(ramp[None, :, None], (200, 300, 3)).copy()).save("ramp.png")
    return tmp_path


def test_applied_anyway_the_whole_change_is_made(folder, capsys):
    composite, mask = little_to_change("cdtnet-sim")
    Image.fromarray(composite).save("right.png")
    Image.fromarray(mask).save("mask.png")
    arguments = ["harmonize", "right.png", "mask.png", "--model", "cdtnet-sim"]
    assert main([*arguments, "-o", "little.png"]) == 0
    message = capsys.readouterr().err
    assert UNSURE in message
    assert "--apply-anyway)" in message
    assert main([*arguments, "-o", "whole.png", "--apply-anyway", "--record"]) == 0
    assert UNSURE not in capsys.readouterr().err
    expected = Harmonizer("cdtnet-sim", "cpu")(composite, mask, apply_anyway=True)
    np.testing.assert_array_equal(pixels("whole.png"), expected.image)
    little, whole = (pixels(f"{name}.png").astype(int) - composite for name in ("little", "whole"))
    assert np.abs(little).sum() < 0.5 * np.abs(whole).sum()
    assert cdtnet.read_record("whole.png")["apply_anyway"] is True
    table = ["lut", "right.png", "mask.png", "-o"]
    assert main([*table, "whole.cube", "--apply-anyway"]) == 0
    expected.lut.save("expected.cube")
    assert (folder / "whole.cube").read_bytes() == (folder / "expected.cube").read_bytes()
    capsys.readouterr()
    assert "applied unchanged" in refusal(
        capsys, "lut", "right.png", "--apply", "whole.cube", "--apply-anyway"
    )


def test_labels_are_objects_of_their_own(folder, weights, capsys):
    assert (
        main(
            [
                "harmonize",
                "scene.png",
                "labels.png",
                "-o",
                "a.png",
                "--model",
                weights,
                "--labels",
                "--record",
            ]
        )
        == 0
    )
    labels = pixels("labels.png").astype(np.int32)
    expected = Harmonizer(weights, "cpu")(pixels("scene.png"), labels).image
    np.testing.assert_array_equal(pixels("a.png"), expected)
    assert (expected[30, 30] != pixels("scene.png")[30, 30]).any()
    assert cdtnet.read_record("a.png")["labels"] is True
    Image.fromarray(pixels("labels.png")[::2, ::2]).save("small.png")
    arguments = ["harmonize", "scene.png", "small.png", "-o", "b.png", "--model", weights, "--labels"]
    capsys.readouterr()
    assert "--resize-mask" in refusal(capsys, *arguments)
    assert main([*arguments, "--resize-mask"]) == 0
    np.testing.assert_array_equal(pixels("b.png"), expected)
    capsys.readouterr()
    arguments[2] = "scene.png"
    assert "this one has colors" in refusal(capsys, *arguments)


def test_labels_of_a_large_picture_are_read_into_memory(folder, weights, monkeypatch):
    Image.open("scene.png").save("scene.tif")
    arguments = ["harmonize", "scene.tif", "labels.png", "--model", weights, "--labels"]
    assert main([*arguments, "-o", "a.tif"]) == 0
    monkeypatch.setattr("cdtnet.inference.streaming.LARGE", 0)
    assert main([*arguments, "-o", "b.tif"]) == 0
    np.testing.assert_array_equal(pixels("b.tif"), pixels("a.tif"))


def test_a_rough_mask_is_snapped(folder, weights):
    assert (
        main(
            [
                "harmonize",
                "scene.png",
                "rough.png",
                "-o",
                "a.png",
                "--model",
                weights,
                "--snap-mask",
                "--record",
            ]
        )
        == 0
    )
    mask = cdtnet.snap_mask("scene.png", "rough.png")
    np.testing.assert_array_equal(
        pixels("a.png"), Harmonizer(weights, "cpu")(pixels("scene.png"), mask).image
    )
    assert cdtnet.read_record("a.png")["snap_mask"] is True


def test_what_is_pasted_is_snapped_in_the_picture_that_it_is_cut_from(folder, weights, capsys):
    arguments = ["compose", "scene.png", "ramp.png", "--mask", "rough.png", "--snap-mask", "--model", weights]
    outputs = ["-o", "a.png", "--mask-output", "mask.png", "--record"]
    assert main([*arguments, *outputs]) == 0
    made = cdtnet.compose("scene.png", "ramp.png", mask=cdtnet.snap_mask("scene.png", "rough.png"))
    np.testing.assert_array_equal(pixels("mask.png"), made.mask)
    assert cdtnet.read_record("a.png")["snap_mask"] is True
    capsys.readouterr()
    assert "--mask" in refusal(capsys, "compose", "scene.png", "ramp.png", "--snap-mask")


def test_a_batch_does_the_same_and_notes_it(folder, weights, capsys):
    (folder / "in").mkdir()
    Image.open("scene.png").save("in/a.png")
    Image.open("rough.png").save("in/a_mask.png")
    options = ["--model", weights, "--snap-mask", "--apply-anyway", "--record"]
    assert main(["batch", "in", "out", "--workers", "1", *options]) == 0
    assert main(["harmonize", "in/a.png", "in/a_mask.png", "-o", "one.png", *options]) == 0
    assert (folder / "out" / "a.png").read_bytes() == (folder / "one.png").read_bytes()
    begun = json.loads((folder / "out" / "batch.json").read_text())
    assert begun["snap_mask"] is begun["apply_anyway"] is True
    capsys.readouterr()
    assert "apply_anyway" in refusal(
        capsys, "batch", "in", "out", "--model", weights, "--snap-mask", "--record"
    )


def test_a_batch_notes_why_little_is_changed_or_that_a_mask_is_left(folder):
    (folder / "in").mkdir()
    composite, mask = little_to_change("cdtnet-sim")
    Image.fromarray(composite).save("in/a.png")
    Image.fromarray(mask).save("in/a_mask.png")
    Image.new("RGB", (300, 200), (90, 90, 90)).save("in/b.png")
    Image.open("rough.png").save("in/b_mask.png")
    assert main(["batch", "in", "out", "--model", "cdtnet-sim", "--workers", "1"]) == 0
    assert main(["batch", "in", "out_2", "--model", "cdtnet-sim", "--snap-mask", "--workers", "1"]) == 0
    lines = [json.loads(line) for line in (folder / "out" / "results.jsonl").read_text().splitlines()]
    assert UNSURE in {line["output"]: line["reason"] for line in lines}["a.png"]
    lines = [json.loads(line) for line in (folder / "out_2" / "results.jsonl").read_text().splitlines()]
    assert "The mask is left as it is" in {line["output"]: line["reason"] for line in lines}["b.png"]
