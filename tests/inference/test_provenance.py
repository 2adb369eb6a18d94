"""A result is made again from its record, byte for byte."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cdtnet
from cdtnet import Harmonizer, Picture, read_record
from cdtnet.cli.main import main
from cdtnet.imaging import read_picture, write_picture
from cdtnet.inference.controls import WORDS


@pytest.fixture
def folder(tmp_path, random, monkeypatch, weights):
    """in.tif and in/a.jpg, with masks in.png and in/a_mask.png, and weights.safetensors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "weights.safetensors").write_bytes(Path(weights).read_bytes())
    mask = np.zeros((60, 90), np.uint8)
    mask[20:40, 30:70] = 255
    small = random.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    photo = np.asarray(Image.fromarray(small).resize((90, 60)))
    for name in ("in.tif", "in/a.jpg"):
        write_picture(Picture(photo), name)
    for name in ("in.png", "in/a_mask.png"):
        Image.fromarray(mask).save(name)
    return tmp_path


def sha256(name):
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()


def make_again(record, composite, mask, output):
    """Make the result again from the record alone."""
    assert record["composite"] == {"file": sha256(composite)}
    assert record["mask"] == {"file": sha256(mask)}
    assert record["weights"] == sha256(record["model"])
    assert record["cdtnet"] == cdtnet.__version__
    harmonizer = Harmonizer(record["model"], engine=record["engine"], precision=record["precision"])
    assert harmonizer.engine.describe() == record["runtime"]
    settings = {name: record[name] for name in (*WORDS, "resize_mask", "quality")}
    harmonizer.to_file(composite, mask, output, record=True, **settings)


@pytest.mark.parametrize("engine", ["openvino", "pytorch"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_what_harmonize_writes_is_made_again(folder, suffix, engine):
    name = f"out{suffix}"
    arguments = ["harmonize", "in.tif", "in.png", "--model", "weights.safetensors", "--engine", engine]
    arguments += ["--device", "cpu", "--strength", "0.6", "--quality", "80", "--keep-hue", "--warmth=-12"]
    assert main([*arguments, "-o", name, "--record"]) == 0
    make_again(read_record(name), "in.tif", "in.png", f"again{suffix}")
    assert (read_picture(f"again{suffix}").pixels == read_picture(name).pixels).all()
    assert read_record(f"again{suffix}").items() <= read_record(name).items()
    assert main([*arguments, "-o", f"plain{suffix}"]) == 0
    assert read_record(f"plain{suffix}") is None
    assert (read_picture(f"plain{suffix}").pixels == read_picture(name).pixels).all()


def test_streamed_and_in_memory_have_the_same_record(folder, monkeypatch):
    harmonizer = Harmonizer("weights.safetensors", "cpu")
    harmonizer.to_file("in.tif", "in.png", "memory.tif", record={"quality": 95})
    monkeypatch.setattr("cdtnet.inference.streaming.LARGE", 0)
    harmonizer.to_file("in.tif", "in.png", "streamed.tif", record={"quality": 95})
    assert read_record("streamed.tif") == read_record("memory.tif")
    assert (read_picture("streamed.tif").pixels == read_picture("memory.tif").pixels).all()
    make_again(read_record("streamed.tif"), "in.tif", "in.png", "again.tif")
    assert (read_picture("again.tif").pixels == read_picture("memory.tif").pixels).all()


def test_what_a_batch_writes_is_made_again(folder):
    arguments = ["batch", "in", "out", "--model", "weights.safetensors", "--quality", "90", "--workers", "1"]
    arguments += ["--tone", "0.5", "--contrast", "15"]
    assert main([*arguments, "--record"]) == 0
    assert read_record("out/a.jpg").items() >= {"tone": 0.5, "color": 1.0, "contrast": 15.0}.items()
    make_again(read_record("out/a.jpg"), "in/a.jpg", "in/a_mask.png", "again.jpg")
    assert (read_picture("again.jpg").pixels == read_picture("out/a.jpg").pixels).all()
    assert main(arguments) == 1  # half with records and half without would be no batch


def test_what_compose_writes_is_made_again(folder, random):
    cutout = random.integers(0, 256, (20, 20, 4), dtype=np.uint8)
    write_picture(Picture(cutout), "cutout.png")
    arguments = ["compose", "cutout.png", "in/a.jpg", "--at", "5,8", "--scale", "1.5", "--rotate", "30"]
    arguments += ["--model", "weights.safetensors", "-o", "out.png", "--color", "0.4", "--saturation", "30"]
    assert main([*arguments, "--record"]) == 0
    record = read_record("out.png")
    assert record["foreground"] == {"file": sha256("cutout.png")}
    assert record["background"] == {"file": sha256("in/a.jpg")}
    placed = {name: record[name] for name in ("at", "scale", "rotate")}
    made = cdtnet.compose("cutout.png", "in/a.jpg", **placed)
    harmonizer = Harmonizer(record["model"], precision=record["precision"])
    steering = {name: record[name] for name in WORDS}
    assert steering["color"] == 0.4
    result = harmonizer(made.composite, made.mask, layer=made.layer, record=True, **steering)
    assert (result.image.pixels == read_picture("out.png").pixels).all()
    assert result.record["composite"] == record["composite"]
    assert main([*arguments, "--record", "--no-harmonize"]) == 1


def test_info_prints_it(folder, capsys):
    assert main(["harmonize", "in.tif", "in.png", "--model", "weights.safetensors", "--record"]) == 0
    capsys.readouterr()
    assert main(["info", "in_harmonized.tif"]) == 0
    assert json.loads(capsys.readouterr().out) == read_record("in_harmonized.tif")
    for name, words in (("in.tif", "in.tif has no record"), ("absent.tif", "absent.tif does not exist")):
        assert main(["info", name]) == 1
        assert words in capsys.readouterr().err


def test_a_record_speaks_of_its_own_pixels(folder):
    harmonizer = Harmonizer("weights.safetensors", "cpu")
    first = harmonizer("in.tif", "in.png", record=True).image
    mask = read_picture("in.png")
    assert first.record
    assert harmonizer(first, mask).image.record is None
    second = harmonizer(first, mask, record=True)
    assert second.image.record == second.record
    assert second.record["composite"] == harmonizer(first.pixels, mask, record=True).record["composite"]
    assert second.record["composite"] != first.record["composite"]


def test_no_names_of_folders_or_files_but_the_models(folder):
    harmonizer = Harmonizer(folder / "weights.safetensors", "cpu")
    record = harmonizer(folder / "in.tif", folder / "in.png", record=True).record
    assert record["model"] == "weights.safetensors"
    assert not any(part in json.dumps(record) for part in (folder.name, "in.tif", "in.png"))


def test_a_module_has_no_file_to_name(folder, official_model):
    harmonizer = Harmonizer(official_model, "cpu")
    with pytest.raises(cdtnet.CdtnetError, match="names a file of weights"):
        harmonizer("in.tif", "in.png", record=True)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of another kind")
def test_of_a_pipe_the_pixels_are_noted(folder, monkeypatch):
    import io

    class Stdin:
        buffer = io.BytesIO(Path("in.tif").read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    arguments = ["harmonize", "-", "in.png", "--model", "weights.safetensors", "-o", "out.png", "--record"]
    assert main(arguments) == 0
    record = read_record("out.png")
    expected = Harmonizer("weights.safetensors")(read_picture("in.tif"), read_picture("in.png"), record=True)
    assert record["composite"] == expected.record["composite"]
    assert record["mask"] == {"file": sha256("in.png")}
