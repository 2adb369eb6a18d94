from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from cdtnet.errors import PictureError
from cdtnet.imaging import Lut, Metadata, Picture
from tests.imaging.test_color import PROFILES


def identity(size: int) -> Lut:
    axis = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    return Lut(np.stack([red, green, blue], axis=-1))


@pytest.fixture
def lut() -> Lut:
    return Lut(np.random.default_rng(0).random((5, 5, 5, 3), dtype=np.float32))


def test_a_cube_file_is_what_the_format_says(tmp_path, lut):
    lut.save(tmp_path / "a.cube")
    lines = (tmp_path / "a.cube").read_text().splitlines()
    assert lines[:4] == [
        'TITLE "cdtnet"',
        "LUT_3D_SIZE 5",
        "DOMAIN_MIN 0.0 0.0 0.0",
        "DOMAIN_MAX 1.0 1.0 1.0",
    ]
    values = np.loadtxt(lines[4:])
    assert values.shape == (125, 3)
    for index, (blue, green, red) in enumerate(np.ndindex(5, 5, 5)):  # red runs fastest
        np.testing.assert_allclose(values[index], lut.table[blue, green, red], atol=1e-7)
    np.testing.assert_allclose(Lut.load(tmp_path / "a.cube").table, lut.table, atol=1e-7)


def test_pillow_applies_the_same_table(lut):
    colors = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    pillows = ImageFilter.Color3DLUT(5, lut.table.reshape(-1).tolist())
    expected = np.asarray(Image.fromarray(colors).filter(pillows)).astype(int)
    found = lut.apply(colors / np.float32(255))
    assert found.dtype == np.float32
    assert abs(found * 255 - expected).max() < 1


def test_the_grids_points_are_met_and_values_beyond_are_clamped(lut):
    np.testing.assert_allclose(lut.apply(identity(5).table), lut.table, atol=1e-6)
    np.testing.assert_allclose(lut.apply(np.array([9.0, -3.0, 0.5])), lut.table[2, 0, 4], atol=1e-6)
    assert lut.apply(np.zeros((2, 7, 3))).shape == (2, 7, 3)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), st.sampled_from([2, 3, 17, 33]))
def test_an_identity_changes_nothing(color, size):
    np.testing.assert_allclose(identity(size).apply(np.array(color)), color, atol=1e-6)


def test_sizes_are_resampled(tmp_path, lut):
    lut.save(tmp_path / "a.cube", size=9)
    fine = Lut.load(tmp_path / "a.cube")
    assert fine.size == 9
    np.testing.assert_allclose(fine.table[::2, ::2, ::2], lut.table, atol=1e-6)
    colors = np.random.default_rng(2).random((50, 3), dtype=np.float32)
    np.testing.assert_allclose(fine.apply(colors), lut.apply(colors), atol=1e-5)  # 9 holds 5's grid exactly
    np.testing.assert_allclose(identity(5).resized(33).table, identity(33).table, atol=1e-6)


def test_a_weaker_table_goes_part_of_the_way(lut):
    colors = np.random.default_rng(3).random((50, 3), dtype=np.float32)
    expected = colors + 0.3 * (lut.apply(colors) - colors)
    np.testing.assert_allclose(lut.weakened(0.3).apply(colors), expected, atol=1e-6)
    noise = Lut(np.random.default_rng(3).random((33, 33, 33, 3), dtype=np.float32))
    np.testing.assert_array_equal(noise.weakened(1).table, noise.table)
    np.testing.assert_allclose(lut.weakened(0).apply(colors), colors, atol=1e-6)


def test_a_picture_is_recolored_as_its_values_are(lut):
    photo = np.random.default_rng(4).integers(0, 65536, (300, 290, 3), dtype=np.uint16)
    found = lut.recolor(photo)
    assert found.dtype == np.uint16
    assert np.abs(found - np.clip(lut.apply(photo / 65535), 0, 1) * 65535.0).max() <= 0.51
    weak = lut.recolor(photo, strength=0.25)
    assert np.abs(weak - (photo + 0.25 * (lut.apply(photo / 65535) * 65535.0 - photo))).max() <= 0.52
    assert np.array_equal(lut.recolor(photo, strength=0), photo)
    ours, pillows = (
        lut.recolor(Image.fromarray((photo >> 8).astype(np.uint8))),
        lut.recolor((photo >> 8).astype(np.uint8)),
    )
    assert np.array_equal(np.asarray(ours), pillows)


def test_only_what_the_mask_shows_is_recolored(lut, tmp_path):
    photo = np.random.default_rng(4).random((40, 50, 4), dtype=np.float32)
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 10:30] = 255
    seen = []
    found = lut.recolor(photo, mask, progress=lambda done, total: seen.append((done, total)))
    assert np.array_equal(found[mask == 0], photo[mask == 0])
    assert np.array_equal(found[..., 3], photo[..., 3])
    np.testing.assert_allclose(found[10:20, 10:30, :3], lut.apply(photo[10:20, 10:30, :3]), atol=1e-6)
    assert seen == [(1, 1)]
    assert np.array_equal(lut.recolor(photo, np.zeros_like(mask)), photo)
    with pytest.raises(PictureError, match="mask has 9×9 pixels"):
        lut.recolor(photo, np.zeros((9, 9), np.uint8))
    resized = lut.recolor(photo, np.full((9, 9), 255, np.uint8), resize_mask=True)
    assert np.array_equal(resized, lut.recolor(photo))


def test_a_profile_is_honoured(lut):
    """A table that maps everything to one color gives that sRGB color, for any profile."""
    one = Lut(np.broadcast_to(np.float32([0.8, 0.3, 0.4]), (2, 2, 2, 3)).copy())
    gray = np.full((4, 4, 3), 0.5, np.float32)
    wide = one.recolor(Picture(gray, Metadata(icc=PROFILES["p3"])))
    assert isinstance(wide, Picture)
    np.testing.assert_allclose(wide.pixels[0, 0], [0.7418, 0.3333, 0.4046], atol=1e-3)  # by LittleCMS


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strengths_outside_0_to_1_are_refused(lut, strength):
    with pytest.raises(PictureError, match="between 0 and 1"):
        lut.recolor(np.zeros((4, 4, 3), np.uint8), strength=strength)
    with pytest.raises(PictureError, match="between 0 and 1"):
        lut.weakened(strength)


def test_files_of_other_programs(tmp_path):
    rows = "\n".join(f"{r} {g}e-1 +{b}" for b in (0, 1) for g in (0, 5) for r in (0, 1))
    head = '\ufeff# made elsewhere\r\nTITLE "a # b"\n\nLUT_3D_SIZE 2  # small\nLUT_3D_INPUT_RANGE 0.0 1.0'
    text = f"{head}\n{rows}\n\n"
    (tmp_path / "a.cube").write_text(text, encoding="utf-8")
    table = Lut.load(tmp_path / "a.cube").table
    np.testing.assert_array_equal(table[1, 0, 1], [1, 0, 1])
    np.testing.assert_array_equal(table[0, 1, 0], [0, 0.5, 0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "contains 0 of the 0 colors it declares"),
        ("LUT_3D_SIZE 2\n" + "0 0 0\n" * 7, "contains 7 of the 8 colors it declares"),
        ("LUT_3D_SIZE 2\n" + "0 0 0\n" * 9, "line 10 does not belong"),
        ("LUT_3D_SIZE 2\n" + "0 0\n" * 8, "line 2 does not belong"),
        ("LUT_3D_SIZE 2\n" + "0 0 0x\n" * 8, "invalid number"),
        ("LUT_3D_SIZE 2\n" + "0 0 nan\n" * 8, "NaN or infinite"),
        ("LUT_3D_SIZE 2\n" + "0 0 1e999\n" * 8, "NaN or infinite"),
        ("LUT_3D_SIZE 999999\n", "declares 999999 grid points"),
        pytest.param("LUT_3D_SIZE " + "9" * 5000, "declares 999999999 grid points", id="long"),
        ("LUT_3D_SIZE 1\n0 0 0\n", "declares 1 grid points"),
        ("LUT_3D_SIZE -2\n", "line 1 does not belong"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", "line 1 does not belong"),
        ("LUT_3D_SIZE 2\nDOMAIN_MAX 2 2 2\n", "line 2 declares a domain other than 0 to 1"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN a b c\n", "domain other than 0 to 1"),
        ("0 0 0\n", "line 1 does not belong"),
    ],
)
def test_broken_files_are_refused(tmp_path, text, words):
    (tmp_path / "a.cube").write_text(text)
    with pytest.raises(PictureError, match=words):
        Lut.load(tmp_path / "a.cube")


def test_names_sizes_and_tables_are_checked(tmp_path, lut):
    with pytest.raises(PictureError, match=r"ends in \.cube"):
        lut.save(tmp_path / "a.png")
    with pytest.raises(PictureError, match="2 to 256 grid points per axis, not 1"):
        lut.save(tmp_path / "a.cube", size=1)
    with pytest.raises(PictureError, match="cannot be read"):
        Lut.load(tmp_path / "none.cube")
    (tmp_path / "b.cube").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PictureError, match="not a text file"):
        Lut.load(tmp_path / "b.cube")
    with pytest.raises(PictureError, match=r"\(N, N, N, 3\)"):
        Lut(np.zeros((3, 3, 4, 3), np.float32))
    assert not (tmp_path / "a.cube").exists()
