"""Lookup tables fitted to pictures."""

import numpy as np
import pytest

from cdtnet import Harmonizer, Lut, Picture, compose
from cdtnet.cli.main import main
from cdtnet.imaging import read_picture, write_picture
from cdtnet.inference.fitting import distance, fit_lut
from cdtnet.inference.result import Result


def look(colors):
    """Apply a smooth recoloring that mixes channels."""
    red, green, blue = np.moveaxis(colors, -1, 0)
    return np.stack([0.8 * red + 0.1, green**1.2, 0.7 * blue + 0.2 * red * green], -1)


@pytest.fixture
def recolored(random):
    """Return the result of a known table, on a soft foreground, and its colors."""
    composite = random.random((80, 100, 3)).astype(np.float32)
    layer = np.dstack([look(composite), np.zeros((80, 100))]).astype(np.float32)
    layer[20:60, 20:80, 3] = 1
    layer[20:25, 20:80, 3] = 0.3
    return Result(composite, None, composite, paint_layer=lambda: layer), composite[20:60, 20:80]


def test_a_look_that_is_a_table_is_found(recolored):
    result, colors = recolored
    fit = fit_lut(result)
    assert fit.lut.size == 33
    assert fit.mean < 0.5
    assert fit.most < 1.5
    off = np.abs(fit.lut.apply(colors) - look(colors)).max(-1) * 255
    assert off.mean() == pytest.approx(fit.mean, abs=0.05)
    assert (off.mean(), np.percentile(off, 95)) == pytest.approx(distance(fit.lut, result), abs=0.05)


def test_colors_that_were_not_seen_are_changed_like_those_nearby(random):
    composite = random.uniform(0.4, 0.5, (40, 40, 3)).astype(np.float32)
    layer = np.dstack([composite + np.float32(0.1), np.ones((40, 40), np.float32)])
    fit = fit_lut(Result(composite, None, composite, paint_layer=lambda: layer))
    everything = fit.lut.grid()
    np.testing.assert_allclose(fit.lut.table, np.minimum(everything + 0.1, 1), atol=1 / 255)


def test_the_file_says_how_close_it_is(recolored, tmp_path):
    fit = fit_lut(recolored[0])
    fit.lut.save(tmp_path / "a.cube", size=17)
    first = (tmp_path / "a.cube").read_text().splitlines()[0]
    assert first == (
        f"# Fitted to the harmonized foreground: mean error {fit.mean:.1f} levels of 255, "
        f"95 % of its pixels within {fit.most:.1f}."
    )
    assert Lut.load(tmp_path / "a.cube").size == 17


def test_it_is_fitted_to_what_was_pasted_and_steered():
    cutout = np.zeros((30, 40, 4), np.uint8)
    cutout[..., :3] = np.arange(40)[None, :, None] * 4 + 40
    cutout[5:25, 5:35, 3] = 255
    cutout[5:25, 5:10, 3] = 90
    made = compose(cutout, np.full((60, 60, 3), 200, np.uint8))
    result = Harmonizer("cdtnet-sim", "cpu")(
        made.composite, made.mask, layer=made.layer, strength=0, brightness=20
    )
    fit = fit_lut(result, made.layer)
    gray = np.repeat(np.linspace(0.25, 0.7, 9)[:, None], 3, axis=1)
    np.testing.assert_allclose(fit.lut.apply(gray), gray + 0.05, atol=1.5 / 255)


def test_gray_pictures_and_black_masks(random):
    composite = Picture(random.integers(50, 200, (50, 60, 1), dtype=np.uint8))
    mask = np.zeros((50, 60), np.uint8)
    harmonizer = Harmonizer("cdtnet-sim", "cpu")
    with pytest.warns(UserWarning, match="black everywhere"):
        assert fit_lut(harmonizer(composite, mask)) is None
    mask[10:30, 10:30] = 255
    assert fit_lut(harmonizer(composite, mask, strength=0, brightness=-20)).mean < 1


def test_the_command_line_writes_it_and_says_how_close(tmp_path, random, weights, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_picture(Picture(random.integers(90, 160, (40, 50, 3), dtype=np.uint8)), "a.png")
    mask = np.zeros((40, 50, 1), np.uint8)
    mask[10:30, 10:40] = 255
    write_picture(Picture(mask), "m.png")
    command = ["lut", "a.png", "m.png", "--fit", "--model", weights, "--device", "cpu", "--warmth", "30"]
    assert main([*command, "-o", "a.cube"]) == 0
    told = capsys.readouterr()
    assert told.out == "a.cube\n"
    result = Harmonizer(weights, "cpu")("a.png", read_picture("m.png"), warmth=30)
    fit = fit_lut(result)
    assert (tmp_path / "a.cube").read_bytes() == fit.lut.encode()
    assert fit.lut.note in told.err
    assert main(["lut", "a.png", "--apply", "a.cube", "--fit"]) == 1
    assert main(["lut", "a.png", "--apply", "a.cube", "--warmth", "3"]) == 1
