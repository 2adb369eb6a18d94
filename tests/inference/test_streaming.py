"""Streamed pictures have the pixels of harmonizing in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from cdtnet import Harmonizer, PictureError, WriteError
from cdtnet.cli.main import main
from cdtnet.engines.confidence import Confidence
from cdtnet.imaging import Picture, read_picture, write_picture
from tests.processes import started, until


@pytest.fixture(scope="session")
def harmonizer(weights):
    return Harmonizer(weights, "cpu")


@pytest.fixture
def streaming(monkeypatch, tmp_path):
    """All pictures count as large; the working directory is empty."""
    monkeypatch.setattr("cdtnet.inference.streaming.LARGE", 0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def make(random):
    """Make pixels and a soft mask, whose foreground touches the border."""

    def make(height, width, channels, dtype="uint8"):
        top = 1 if dtype == "float32" else np.iinfo(dtype).max
        noise = random.random((height, width, channels), np.float32)
        y, x = np.mgrid[:height, :width]
        slope = ((x / width + y / height) / 2)[..., None]
        pixels = (top * (0.8 * slope + 0.2 * noise)).astype(dtype)
        distance = np.hypot(y - 0.9 * height, x - 0.1 * width) / (0.5 * np.hypot(height, width))
        return pixels, (255 * np.clip(6 - 8 * distance, 0, 1)).astype(np.uint8)

    return make


def in_memory(harmonizer, mask="mask.tif", **options):
    return harmonizer(read_picture("composite.tif"), read_picture(mask), **options).image


@pytest.mark.parametrize(
    ("size", "channels", "dtype"),
    [
        ((901, 333), 3, "uint8"),
        ((700, 515), 4, "uint8"),
        ((513, 258), 3, "uint16"),
        ((400, 300), 2, "uint16"),
        ((257, 301), 3, "float32"),
        ((1, 70), 1, "uint8"),
        ((1029, 3), 4, "float32"),
        ((128, 300), 1, "float32"),
    ],
)
def test_the_pixels_are_those_of_harmonizing_in_memory(streaming, harmonizer, make, size, channels, dtype):
    pixels, mask = make(*size, channels, dtype)
    write_picture(Picture(pixels), "composite.tif")
    Image.fromarray(mask).save("mask.tif")
    steering = {"strength": 0.7, "tone": 0.5, "contrast": 20} if channels == 3 else {"strength": 0.7}
    harmonizer.to_file("composite.tif", "mask.tif", "out.tif", **steering)
    expected = in_memory(harmonizer, **steering).pixels
    found = read_picture("out.tif").pixels
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if dtype != "float32":  # whose predictor tifffile cannot undo by itself
        np.testing.assert_array_equal(tifffile.imread("out.tif").reshape(found.shape), found)
    assert (found != pixels).any()
    assert sorted(os.listdir()) == ["composite.tif", "mask.tif", "out.tif"]


@pytest.mark.parametrize("channels", [3, 4])
def test_a_close_up_is_that_of_harmonizing_in_memory(streaming, close_up_weights, make, channels):
    harmonizer = Harmonizer(close_up_weights, "cpu")
    pixels, _ = make(1500, 300, channels)
    mask = np.zeros(pixels.shape[:2], np.uint8)
    mask[900:1000, 40:90] = 255
    write_picture(Picture(pixels), "composite.tif")
    Image.fromarray(mask).save("mask.tif")
    harmonizer.to_file("composite.tif", "mask.tif", "out.tif")
    found = read_picture("out.tif").pixels
    np.testing.assert_array_equal(found, in_memory(harmonizer).pixels)
    assert (found[900:1000, 40:90] != pixels[900:1000, 40:90]).any()


@pytest.mark.parametrize("layout", [{"tile": (64, 80)}, {"rowsperstrip": 700}, {"planarconfig": "separate"}])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_files_of_all_kinds_are_read(streaming, harmonizer, make, layout, byteorder):
    pixels, mask = make(700, 333, 3, "uint16")
    stored = np.moveaxis(pixels, 2, 0) if "planarconfig" in layout else pixels
    options = {"photometric": "rgb", "compression": "zlib", "byteorder": byteorder, "bigtiff": True}
    tifffile.imwrite("composite.tif", stored, metadata=None, **options, **layout)
    Image.fromarray(mask).save("mask.tif")
    harmonizer.to_file("composite.tif", "mask.tif", "out.tif")
    np.testing.assert_array_equal(read_picture("out.tif").pixels, in_memory(harmonizer).pixels)


@pytest.mark.parametrize("kind", ["cut-out", "opaque", "colored", "gray as RGB", "float", "PNG", "array"])
def test_masks_of_all_kinds_are_read(streaming, harmonizer, make, kind):
    pixels, mask = make(600, 210, 3)
    write_picture(Picture(pixels), "composite.tif")
    colors = np.stack([mask, mask // 2, mask // 3, np.full_like(mask, 255)], axis=2)
    made = {
        "cut-out": np.dstack([colors[..., :3], mask]),
        "opaque": colors,
        "colored": colors[..., :3],
        "gray as RGB": np.dstack([mask] * 3),
        "float": (mask / np.float32(255))[..., None],
    }.get(kind, mask[..., None])
    name = "mask.png" if kind == "PNG" else "mask.tif"
    write_picture(Picture(made), name)
    harmonizer.to_file("composite.tif", mask if kind == "array" else name, "out.tif")
    expected = in_memory(harmonizer, name).pixels
    np.testing.assert_array_equal(read_picture("out.tif").pixels, expected)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_other_formats_become_tiff(streaming, harmonizer, make, suffix):
    pixels, mask = make(600, 210, 3)
    write_picture(Picture(pixels), f"composite.{suffix}")
    write_picture(Picture(mask[..., None]), "mask.png")
    harmonizer.to_file(f"composite.{suffix}", "mask.png", "out.tif")
    expected = harmonizer(f"composite.{suffix}", "mask.png").image
    np.testing.assert_array_equal(read_picture("out.tif").pixels, expected.pixels)


def test_the_command_line_streams_by_itself(streaming, harmonizer, make, weights, capsys):
    pixels, mask = make(600, 210, 3)
    write_picture(Picture(pixels), "composite.tif")
    Image.fromarray(mask).save("mask.tif")
    arguments = ["harmonize", "composite.tif", "mask.tif", "--model", weights, "--device", "cpu"]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("composite_harmonized.tif\n", "Written as lossless TIFF.\n")
    expected = in_memory(harmonizer).pixels
    np.testing.assert_array_equal(read_picture("composite_harmonized.tif").pixels, expected)
    assert main([*arguments, "-o", "mask.tif"]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "-o", "composite.tif", "--overwrite"]) == 0
    np.testing.assert_array_equal(read_picture("composite.tif").pixels, expected)


def test_progress_runs_to_the_end(streaming, harmonizer, make):
    pixels, mask = make(1100, 60, 4)
    write_picture(Picture(pixels), "composite.tif")
    seen = []
    harmonizer.to_file("composite.tif", mask, "out.tif", progress=lambda *done: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == (10, 10)
    assert len(seen) > 5


@pytest.mark.parametrize(
    ("level", "words"), [(0, "black everywhere"), (1, "brightest value is 1"), (255, "white everywhere")]
)
def test_a_uniform_mask_gets_a_sentence(streaming, harmonizer, make, level, words):
    pixels, _ = make(300, 60, 3)
    write_picture(Picture(pixels), "composite.tif")
    Image.new("L", (60, 300), level).save("mask.png")
    with pytest.warns(UserWarning, match=words):
        harmonizer.to_file("composite.tif", "mask.png", "out.tif")
    if level == 0:
        np.testing.assert_array_equal(read_picture("out.tif").pixels, pixels)


def test_what_the_network_is_not_sure_of_gets_a_sentence(streaming, make, monkeypatch):
    pixels, mask = make(300, 60, 3)
    write_picture(Picture(pixels), "composite.tif")
    monkeypatch.setattr("cdtnet.inference.analysis.confidence", lambda *_: Confidence(share=0, size=1))
    with pytest.warns(UserWarning, match="Little is changed, because two looks"):
        Harmonizer("cdtnet-256", "cpu").to_file("composite.tif", mask, "out.tif")
    np.testing.assert_array_equal(read_picture("out.tif").pixels, pixels)


def test_what_cannot_be_streamed_is_read_into_memory_if_it_fits(streaming, harmonizer, make, monkeypatch):
    pixels, mask = make(300, 60, 3)
    turned = pyvips.Image.new_from_array(pixels)
    turned.set_type(pyvips.GValue.gint_type, "orientation", 3)
    turned.tiffsave("turned.tif")
    write_picture(Picture(pixels), "composite.png")
    for name, output in (("turned.tif", "turned_out.tif"), ("composite.png", "out.png")):
        harmonizer.to_file(name, mask, output)
        np.testing.assert_array_equal(read_picture(output).pixels, harmonizer(name, mask).image.pixels)
    monkeypatch.setattr("cdtnet.inference.streaming.MAX_PIXELS", 100)
    for name, output, words in (
        ("turned.tif", "a.tif", "turned.tif has 18,000 pixels, too many for memory, and is stored rotated"),
        ("composite.png", "a.png", r"the output is not a TIFF file; .* \(-o NAME.tif\)"),
    ):
        with pytest.raises(PictureError, match=words):
            harmonizer.to_file(name, mask, output)


def test_a_bad_input_leaves_nothing_behind(streaming, harmonizer, make, random):
    _, mask = make(900, 300, 3, "float32")
    Image.fromarray(mask).save("mask.tif")
    write_picture(Picture(np.where(mask[..., None] > 9, np.float32(np.nan), np.float32(0))), "nan.tif")
    noise = random.integers(0, 256, (900, 300, 3), dtype=np.uint8)
    write_picture(Picture(noise), "whole.png")
    with open("whole.png", "rb") as whole, open("cut.png", "wb") as cut:
        cut.write(whole.read()[:-30_000])
    Image.fromarray(mask[:-1]).save("small.tif")
    write_picture(Picture(mask[..., None] / np.float32(100)), "bright.tif")
    write_picture(Picture(noise), "good.tif")
    before = sorted(os.listdir())
    for composite, mask_name, words in (
        ("good.tif", "nan.tif", "must hold values from 0 to 1, but this one holds NaN"),
        ("cut.png", "mask.tif", "cut.png is damaged"),
        ("absent.tif", "mask.tif", "absent.tif does not exist"),
        ("good.tif", "absent.tif", "absent.tif does not exist"),
        ("good.tif", "small.tif", "300×899 pixels and the picture 300×900; masks of pictures this large"),
        ("good.tif", "bright.tif", "must hold values from 0 to 1, but this one runs from 0 to 2.55"),
    ):
        with pytest.raises(PictureError, match=words):
            harmonizer.to_file(composite, mask_name, "out.tif")
    assert sorted(os.listdir()) == before


def test_a_full_disk_leaves_the_old_file(streaming, harmonizer, random):
    resource = pytest.importorskip("resource")
    pixels = random.integers(0, 256, (900, 300, 3), dtype=np.uint8)
    write_picture(Picture(pixels), "composite.tif")
    (streaming / "out.tif").write_bytes(b"old")
    before = sorted(os.listdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(WriteError, match=r"out\.tif cannot be written \(File too large\)"):
            harmonizer.to_file("composite.tif", np.full((900, 300), 9, np.uint8), "out.tif")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (streaming / "out.tif").read_bytes() == b"old"
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("at", [1, 3, 5])
def test_an_interruption_leaves_nothing_behind(streaming, harmonizer, make, at):
    pixels, mask = make(700, 60, 3)
    write_picture(Picture(pixels), "composite.tif")

    def interrupt(done, total):
        assert total == 6
        if done >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harmonizer.to_file("composite.tif", mask, "out.tif", progress=interrupt)
    assert os.listdir() == ["composite.tif"]


STREAM = """
import sys
from cdtnet.inference import streaming
from cdtnet.cli.main import main
from cdtnet.engines.confidence import Confidence

streaming.LARGE = 0
sys.exit(main(["harmonize", "composite.tif", "mask.tif", "-o", "out.tif", "--model", sys.argv[1]]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_ended_leaves_nothing_behind(tmp_path, weights, sent):
    pyvips.Image.black(500, 200_000, bands=3).tiffsave(str(tmp_path / "composite.tif"))
    mask = pyvips.Image.black(500, 200_000) + 255
    mask.cast("uchar").tiffsave(str(tmp_path / "mask.tif"), compression="deflate")
    (tmp_path / "out.tif").write_bytes(b"old")
    command = [sys.executable, "-c", STREAM, weights]
    with started(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: any(path.suffix == ".tmp" for path in tmp_path.iterdir()), process)
        process.send_signal(sent)
        assert "cdtnet: Interrupted; every file is unchanged or complete." in process.stderr.read()
    assert process.returncode == 130
    assert sorted(os.listdir(tmp_path)) == ["composite.tif", "mask.tif", "out.tif"]
    assert (tmp_path / "out.tif").read_bytes() == b"old"


CODE = """
import sys
import numpy as np
from cdtnet import Harmonizer, Picture
from cdtnet.inference import streaming
from cdtnet.imaging import encode_picture
from cdtnet.system.machine import peak_memory

harmonizer = Harmonizer(sys.argv[1], "cpu")
small = np.zeros((300, 300, 3), np.uint16)
encode_picture(Picture(harmonizer(small, np.eye(300) > 0).image), ".tif")
before = peak_memory()
streaming.LARGE = 0
harmonizer.to_file("composite.tif", "mask.tif", "out.tif")
print((peak_memory() - before) / 1e6)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
def test_100_megapixels_of_600_mb_take_less_than_300_mb(tmp_path, weights):
    width, height = 5000, 20_000
    ramp = pyvips.Image.identity(ushort=True, size=width).embed(0, 0, width, height, extend="copy")
    color = ramp.bandjoin([ramp * 2, ramp * 3]).cast("ushort").copy(interpretation="rgb16")
    color.tiffsave(str(tmp_path / "composite.tif"))
    mask = pyvips.Image.black(width, height).draw_rect(255, 700, 4000, 800, 800, fill=True)
    mask.tiffsave(str(tmp_path / "mask.tif"), compression="deflate")
    command = [sys.executable, "-W", "error", "-c", CODE, weights]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 300
