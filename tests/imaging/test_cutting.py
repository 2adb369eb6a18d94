"""Cutting objects out of photos, with a small network in rembg's loader."""

import numpy as np
import pytest

import cdtnet
from cdtnet import CdtnetError, PictureError
from cdtnet.cli.main import main
from cdtnet.imaging import cutting
from tests.cli.refusals import refusal
from tests.imaging.finder import red_square, write_finder

GREEN = np.array([60, 230, 70], float)


@pytest.fixture
def finder(tmp_path, monkeypatch):
    """A network that finds red pixels, installed as rembg's weights."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    cutting.load_finder.cache_clear()
    yield write_finder(tmp_path)
    cutting.load_finder.cache_clear()


@pytest.fixture
def photo():
    return red_square()


def soft_object(size=200):
    """Make a textured disc with a soft edge on a green wall: its own colors, its alpha, the photo of it."""
    y, x = np.mgrid[:size, :size]
    own = np.stack([120 + 40 * np.sin(x / 9), 80 + 30 * np.cos(y / 13), 60 + 20 * np.sin((x + y) / 17)], -1)
    alpha = np.clip((70 - np.hypot(y - 100, x - 100)) / 8 + 0.5, 0, 1)
    mixed = own * alpha[..., None] + GREEN * (1 - alpha[..., None])
    return own, np.rint(255 * alpha).astype(np.uint8), np.rint(mixed).astype(np.uint8)


def off(colors, own, alpha):
    edge = (alpha > 25) & (alpha < 255)
    return np.abs(colors[..., :3].astype(float) - own)[edge].mean()


def test_rembg_finds_the_object(photo, finder):
    mask = cdtnet.find_object(photo, finder=finder)
    assert mask.shape == (120, 160)
    assert (mask[45:75, 65:105] > 230).all()
    assert not mask[:35].any()
    made = cdtnet.cut_out(photo, finder=finder)
    np.testing.assert_array_equal(made.pixels[..., :3], photo)
    np.testing.assert_array_equal(made.alpha, mask)


def test_a_photo_is_cut_out_and_pasted_by_one_command(photo, finder, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cdtnet.imaging.Picture(photo).save("photo.png")
    cdtnet.imaging.Picture(photo[::-1, ::-1, ::-1].copy()).save("scene.png")
    command = ["compose", "photo.png", "scene.png", "--cut-out", finder, "--no-harmonize", "-o", "a.png"]
    assert main(command) == 0
    expected = cdtnet.compose(cdtnet.cut_out(photo, finder=finder), "scene.png").composite
    np.testing.assert_array_equal(cdtnet.imaging.read_picture("a.png").pixels, expected.pixels)


def test_whether_weights_are_there_is_known_without_a_download(finder):
    assert cutting.has_finder(finder)
    assert not cutting.has_finder("u2net")


def test_networks_that_rembg_has_not_are_named(photo, finder):
    with pytest.raises(CdtnetError, match=r"no network .u3net.; choose one of .*u2netp"):
        cdtnet.find_object(photo, finder="u3net")


def test_a_picture_without_an_object_is_refused(finder):
    with pytest.raises(PictureError, match="No object was found"):
        cdtnet.find_object(np.full((50, 50, 3), 90, np.uint8), finder=finder)


@pytest.mark.parametrize("depth", ["uint8", "uint16"])
@pytest.mark.parametrize("hidden", ["the wall", "black"])
def test_the_old_backdrop_leaves_soft_edges_and_nothing_else(depth, hidden):
    own, alpha, photo = soft_object()
    scale = 257 if depth == "uint16" else 1
    cut = np.dstack((photo, alpha)).astype(depth) * np.array(scale, depth)
    if hidden == "black":
        cut[alpha == 0] = 0
    clean = cdtnet.cut_out(cut, defringe=True).pixels
    np.testing.assert_array_equal(clean[..., 3], cut[..., 3])
    np.testing.assert_array_equal(clean[alpha == 255], cut[alpha == 255])
    before, after = off(cut / scale, own, alpha), off(clean / scale, own, alpha)
    assert before > 30
    assert after < before / 4


def test_it_does_about_as_well_as_pymatting():
    pytest.importorskip("pymatting", reason="pymatting is not installed (the extra cut-out brings it)")
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    own, alpha, photo = soft_object()
    theirs = 255 * estimate_foreground_ml(photo / 255.0, alpha / 255.0)
    ours = cdtnet.cut_out(photo, alpha, defringe=True).pixels
    assert off(ours, own, alpha) < 1.2 * off(theirs, own, alpha)


def test_what_grows_out_of_a_cut_out_has_the_objects_colors():
    _, alpha, photo = soft_object()
    cut = np.dstack((photo, alpha))
    cut[alpha == 0] = 0
    grown = cdtnet.cut_out(cut, grow=6, feather=2).pixels
    new = (alpha == 0) & (grown[..., 3] > 128)
    assert new.sum() > 500
    assert grown[new][:, :3].max(axis=1).min() > 60  # not black
    assert np.array_equal(grown[alpha > 0][:, :3], cut[alpha > 0][:, :3])


def test_a_mask_is_within_the_transparency():
    _, alpha, photo = soft_object()
    left = np.zeros_like(alpha)
    left[:, :100] = 255
    made = cdtnet.cut_out(np.dstack((photo, alpha)), left)
    np.testing.assert_array_equal(made.alpha, np.where(left > 0, alpha, 0))


def test_without_an_edge_there_is_nothing_to_change(tmp_path, monkeypatch, capsys, photo):
    monkeypatch.chdir(tmp_path)
    cdtnet.imaging.Picture(photo).save("photo.png")
    assert "--cut-out" in refusal(
        capsys, "compose", "photo.png", "photo.png", "--feather", "2", "-o", "a.png"
    )
