"""The command line: real processes for exit codes and streams; the rest through `main`."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from cdtnet.cli.main import main
from cdtnet.imaging import read_picture
from cdtnet.imaging.profiles import linear_srgb
from cdtnet.inference.harmonizer import Harmonizer
from cdtnet.weights import read_weights
from tests.cli.refusals import refusal


@pytest.fixture
def pair(tmp_path, random, monkeypatch):
    """composite.png and mask.png in the working directory."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save("composite.png")
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 255
    Image.fromarray(mask).save("mask.png")
    return tmp_path


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "cdtnet.cli.main", *arguments], capture_output=True, **options
    )


def test_harmonize_writes_what_python_gives(pair, weights, capsys):
    assert main(["harmonize", "composite.png", "mask.png", "-o", "out.png", "--model", weights]) == 0
    printed = capsys.readouterr()
    assert printed.out == "out.png\n"
    assert "lossless PNG" in printed.err
    expected = Harmonizer(weights, "cpu")("composite.png", "mask.png").image
    assert np.array_equal(np.asarray(Image.open("out.png")), expected.pixels)


@pytest.mark.slow
def test_harmonize_imports_what_it_needs_and_no_more(pair, weights):
    code = (
        "import sys; from cdtnet.cli.main import main; "
        f"assert main(['harmonize', 'composite.png', 'mask.png', '--model', {weights!r}]) == 0; "
        "print(*sorted({name.split('.')[1] for name in sys.modules if name.startswith('cdtnet.')}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = set(done.stdout.splitlines()[-1].split())
    assert {"cli", "imaging", "inference", "engines"} <= rooms
    others = {"batch", "composites", "datasets", "evaluation", "study", "synthesize", "training", "web"}
    assert not rooms & others


@pytest.mark.slow
def test_help_imports_no_verb():
    code = (
        "import sys; from cdtnet.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("cdtnet.")}
    assert "cdtnet.cli.options" in loaded
    assert not loaded & {"cdtnet.cli.harmonize", "cdtnet.imaging", "cdtnet.web", "cdtnet.evaluation"}


def test_the_default_output_stands_beside_the_composite(pair, weights, capsys):
    assert main(["harmonize", "composite.png", "mask.png", "--model", weights]) == 0
    assert capsys.readouterr().out == "composite_harmonized.png\n"
    assert read_picture("composite_harmonized.png").width == 60


def test_default_names_keep_the_format(pair, weights, capsys):
    for name, output in (
        ("photo", "photo_harmonized.png"),
        ("odd.bmp", "odd_harmonized.png"),
        ("A.PNG", "A_harmonized.PNG"),
    ):
        (pair / name).write_bytes((pair / "composite.png").read_bytes())
        assert main(["harmonize", name, "mask.png", "--model", weights]) == 0
        assert capsys.readouterr().out == f"{output}\n"


@pytest.mark.slow
def test_pipes(pair, weights):
    done = run("harmonize", "-", "mask.png", "--model", weights, input=(pair / "composite.png").read_bytes())
    assert done.returncode == 0, done.stderr
    assert main(["harmonize", "composite.png", "mask.png", "-o", "out.png", "--model", weights]) == 0
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(done.stdout))), np.asarray(Image.open("out.png")))
    assert b"tiles" not in done.stderr
    done = run(
        "harmonize",
        "composite.png",
        "-",
        "--model",
        weights,
        "-o",
        "-",
        input=(pair / "mask.png").read_bytes(),
    )
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(done.stdout))), np.asarray(Image.open("out.png")))


def test_strength_and_jpeg_quality(pair, weights, capsys):
    arguments = ["harmonize", "composite.png", "mask.png", "--model", weights, "--strength", "0"]
    assert main([*arguments, "-o", "same.png"]) == 0
    assert np.array_equal(np.asarray(Image.open("same.png")), np.asarray(Image.open("composite.png")))
    assert main([*arguments, "-o", "same.jpg", "--quality", "80"]) == 0
    assert "JPEG quality 80" in capsys.readouterr().err


@pytest.mark.parametrize("level", [0, 1, 255])
def test_a_uniform_mask_gets_a_sentence(pair, weights, capsys, level):
    Image.new("L", (60, 40), level).save("mask.png")
    assert main(["harmonize", "composite.png", "mask.png", "--model", weights, "-o", "out.png"]) == 0
    assert capsys.readouterr().err.startswith("The mask")


def broken(name, data):
    def make(folder):
        (folder / name).write_bytes(data)

    return make


@pytest.mark.parametrize(
    ("prepare", "arguments", "sentence"),
    [
        (None, ["absent.png", "mask.png"], "absent.png does not exist"),
        (None, ["composite.png", "absent.png"], "absent.png does not exist"),
        (
            broken("text.jpg", b"hello, world, hello"),
            ["text.jpg", "mask.png"],
            "is not a picture of a supported format",
        ),
        (None, ["composite.png", "mask.png", "--model", "cdtnet-9"], "no model 'cdtnet-9'"),
        (None, ["composite.png", "mask.png", "-o", "nowhere/out.png"], "nowhere/out.png"),
        (None, ["composite.png", "mask.png", "-o", "out.gif"], "GIF can only be read"),
        (None, ["composite.png", "mask.png", "-o", "."], "has no suffix"),
        (broken("b\udcff.png", b"noise"), ["b\udcff.png", "mask.png"], "not UTF-8"),
        (None, ["composite.png", "mask.png", "-o", "composite.png"], "--overwrite"),
        (None, ["composite.png", "mask.png", "-o", "mask.png"], "--overwrite"),
        (None, ["composite.png", "mask.png", "--device", "abacus"], "abacus"),
        (None, ["composite.png", "mask.png", "--device", "meta"], "meta"),
        (None, ["-", "-"], "Only one"),
        (None, ["composite.png", "small.png"], "30×20"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(pair, weights, capsys, prepare, arguments, sentence):
    Image.new("L", (30, 20)).save("small.png")
    if prepare:
        prepare(pair)
    given = [] if "--model" in arguments else ["--model", weights]
    assert sentence in refusal(capsys, "harmonize", *arguments, *given)


def test_a_truncated_photo_is_refused(pair, weights, capsys, random):
    Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save("whole.jpg")
    (pair / "cut.jpg").write_bytes((pair / "whole.jpg").read_bytes()[:-900])
    assert main(["harmonize", "cut.jpg", "mask.png", "--model", weights]) == 1
    assert "cut.jpg is damaged" in capsys.readouterr().err
    assert not (pair / "cut_harmonized.jpg").exists()


def test_overwriting_an_input_on_request(pair, weights):
    before = (pair / "composite.png").read_bytes()
    arguments = ["harmonize", "composite.png", "mask.png", "-o", "composite.png", "--model", weights]
    assert main([*arguments, "--overwrite"]) == 0
    assert (pair / "composite.png").read_bytes() != before


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_a_sentence(pair, weights):
    with open("/dev/full", "wb") as full:
        arguments = ["harmonize", "composite.png", "mask.png", "-o", "-", "--model", weights]
        command = [sys.executable, "-m", "cdtnet.cli.main", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["harmonise"],
        ["harmonize"],
        ["harmonize", "a", "b", "--strength", "2"],
        ["harmonize", "a", "b", "--quality", "0"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage: cdtnet" in capsys.readouterr().err


def test_convert(checkpoint, official_model, tmp_path, capsys):
    torch.save(checkpoint, tmp_path / "official.pth")
    output = tmp_path / "converted.safetensors"
    assert main(["convert", str(tmp_path / "official.pth"), str(output), "--base-size", "64"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{output}\n"
    assert "2,744,400 parameters" in printed.err
    assert main(["convert", str(tmp_path / "official.pth"), str(tmp_path / "x.bin")]) == 1


def test_convert_to_half_with_a_card(checkpoint, tmp_path, capsys):
    torch.save(checkpoint, tmp_path / "official.pth")
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    assert main(["convert", str(tmp_path / "official.pth"), str(whole), "--base-size", "64"]) == 0
    (tmp_path / "card.json").write_text('{"licence": "ours"}')
    assert main(["convert", str(whole), str(half), "--half", "--card", str(tmp_path / "card.json")]) == 0
    assert half.stat().st_size < 0.51 * whole.stat().st_size
    card = read_weights(half)[1]
    assert (card["licence"], card["origin"]) == ("ours", "converted from official.pth")
    assert card["config"]["base_size"] == 64
    (tmp_path / "card.json").write_text("[]")
    assert main(["convert", str(whole), str(half), "--card", str(tmp_path / "card.json")]) == 1
    assert "not a JSON object" in capsys.readouterr().err


def test_info_lists_the_weights(capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert "cdtnet-sim" in printed
    assert "cpu" in printed
    assert "license:" in printed


@pytest.mark.slow
def test_demo_shows_before_and_after(tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path / "demo")]) == 0
    path = capsys.readouterr().out.strip()
    both = np.asarray(Image.open(path)).astype(int)
    half = (both.shape[1] - 24) // 2
    before, after = both[:, :half], both[:, half + 24 :]
    mask = np.asarray(Image.open("src/cdtnet/demo/mask.png"))
    assert np.abs(before - after)[mask > 250].mean() > 3
    assert np.abs(before - after)[mask == 0].mean() < 1


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("cdtnet 0.")


def test_a_page_a_label_and_linear_floats(pair, weights, random):
    frames = [random.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(2)]
    with tifffile.TiffWriter("pages.tif") as file:
        for frame in frames:
            file.write(frame, photometric="rgb")
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 20:40], labels[0:5, 0:5] = 3, 7
    Image.fromarray(labels).save("labels.png")
    Image.fromarray(frames[1]).save("composite.png")
    options = ["--model", weights]
    assert (
        main(["harmonize", "pages.tif", "labels.png", "-o", "a.png", "--page", "2", "--label", "3", *options])
        == 0
    )
    assert main(["harmonize", "composite.png", "mask.png", "-o", "b.png", *options]) == 0
    np.testing.assert_array_equal(np.asarray(Image.open("a.png")), np.asarray(Image.open("b.png")))
    values = frames[0].astype(np.float32) / 255
    tifffile.imwrite("untagged.tif", values, photometric="rgb")
    profile = [(34675, "B", None, linear_srgb(), True)]
    tifffile.imwrite("tagged.tif", values, photometric="rgb", extratags=profile)
    assert main(["harmonize", "untagged.tif", "mask.png", "--color-space", "linear", *options]) == 0
    assert main(["harmonize", "tagged.tif", "mask.png", *options]) == 0
    (pair / "linear.icc").write_bytes(linear_srgb())
    given = ["--profile", "linear.icc", "-o", "given.tif"]
    assert main(["harmonize", "untagged.tif", "mask.png", *given, *options]) == 0
    names = ("untagged_harmonized.tif", "tagged_harmonized.tif", "given.tif")
    made, expected, by_profile = (read_picture(name).pixels for name in names)
    np.testing.assert_array_equal(made, expected)
    np.testing.assert_array_equal(by_profile, expected)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pages.tif", "mask.png"], "select one with --page, 1 to 2"),
        (["pages.tif", "mask.png", "--page", "3"], "so there is no page 3"),
        (["composite.png", "mask.png", "--profile", "mask.png"], "mask.png is not an ICC profile"),
        (["composite.png", "mask.png", "--label", "4"], "No pixel of the mask has the label 4"),
        (["composite.png", "composite.png"], "is a picture in many colors, not a mask"),
        (["cutout.png", "mask.png"], "there is no background to match; paste the cut-out"),
        (
            ["x" * 245 + ".png", "mask.png"],
            "too long to add _harmonized; give the name of the result with -o",
        ),
        (["composite.png", "mask.png", "-o", "x" * 252 + ".png"], "its name is longer than 255 bytes"),
        (["composite.png", "mask.png", "--model", "run/checkpoint.pt"], "another kind of network"),
    ],
)
def test_what_is_not_done_is_said(pair, weights, capsys, arguments, sentence):
    image = Image.open("composite.png")
    image.save("pages.tif", save_all=True, append_images=[image])
    image.save("x" * 245 + ".png")
    image.putalpha(Image.open("mask.png"))
    image.save("cutout.png")
    (pair / "run").mkdir()
    state = {"x": torch.ones(2)}
    torch.save({"model": state, "averaged": state, "optimizer": {}, "recipe": "{}"}, "run/checkpoint.pt")
    given = [] if "--model" in arguments else ["--model", weights]
    assert sentence in refusal(capsys, "harmonize", *arguments, *given)


def test_labels_are_numbers_or_colors(pair, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["harmonize", "composite.png", "mask.png", "--label", "red"])
    assert "neither a number nor a color such as #800000" in capsys.readouterr().err


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_rembg_does_not_compile_its_matting_unless_asked_to(monkeypatch, before, after):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "")  # so that it is restored
    monkeypatch.delenv("NUMBA_DISABLE_JIT")
    if before is not None:
        monkeypatch.setenv("NUMBA_DISABLE_JIT", before)
    assert main(["info"]) == 0
    assert os.environ["NUMBA_DISABLE_JIT"] == after
