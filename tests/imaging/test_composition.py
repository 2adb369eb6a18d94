"""Pasting, compared with Pillow, LittleCMS and plain arithmetic."""

import math
import subprocess
import sys

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import cdtnet
from cdtnet import CdtnetError, Picture, compose
from cdtnet.imaging import Metadata
from tests.imaging.test_color import GRAY_PROFILE, PROFILES, SRGB, table_profile, uncurve
from tests.imaging.test_color import P3 as P3_PRIMARIES

P3 = PROFILES["p3"]


@pytest.fixture
def cut_out(random):
    """(20,30,4) with all opacities."""
    return random.integers(0, 256, (20, 30, 4), dtype=np.uint8)


@pytest.fixture
def scene(random):
    return random.integers(0, 256, (60, 80, 3), dtype=np.uint8)


def disc(radius: float, side: int, center: tuple[float, float]) -> np.ndarray:
    """Return a white disc with a soft edge, (side,side,4)."""
    y, x = np.mgrid[:side, :side] + 0.5
    inside = np.clip(radius - np.hypot(x - center[0], y - center[1]) + 0.5, 0, 1)
    return np.dstack([np.full((side, side, 3), 255.0), inside * 255]).round().astype(np.uint8)


def centroid(mask: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    weights = mask / mask.sum(dtype=np.float64)
    return float((x * weights).sum()), float((y * weights).sum())


def test_it_is_callable_once_its_module_is_loaded():
    assert cdtnet.compose is cdtnet.compose
    assert cdtnet.compose.__name__ == "compose"


def test_unscaled_pixels_are_blended_by_alpha_and_nothing_else_changes(cut_out, scene):
    composite, mask = compose(cut_out, scene, at=(13, 7))
    expected, alpha = scene.astype(np.float64), cut_out[..., 3:] / 255
    expected[7:27, 13:43] = expected[7:27, 13:43] * (1 - alpha) + cut_out[..., :3] * alpha
    assert np.abs(composite.pixels - expected).max() <= 0.5 + 1e-4
    assert np.array_equal(mask[7:27, 13:43], cut_out[..., 3])
    assert mask.dtype == np.uint8
    assert np.array_equal(composite.pixels[mask == 0], scene[mask == 0])
    assert not np.shares_memory(composite.pixels, scene)


@pytest.mark.parametrize("at", [(-11, -5), (65, 52), (-5, 55)])
def test_what_hangs_over_the_border_is_cut(cut_out, scene, at):
    wide = np.zeros((140, 160, 3), np.uint8)
    wide[40:100, 40:120] = scene
    expected = compose(cut_out, wide, at=(at[0] + 40, at[1] + 40))
    found = compose(cut_out, scene, at=at)
    assert np.array_equal(found.composite.pixels, expected.composite.pixels[40:100, 40:120])
    assert np.array_equal(found.mask, expected.mask[40:100, 40:120])


def test_it_is_centred_on_whole_pixels(cut_out, scene):
    assert np.array_equal(compose(cut_out, scene).mask[20:40, 25:55], cut_out[..., 3])
    odd = compose(cut_out[:19, :29], scene).mask
    assert np.array_equal(odd[20:39, 25:54], cut_out[:19, :29, 3])


@pytest.mark.parametrize("factor", [2, 3, 4, 8, 20])
def test_downscaling_is_pillows_antialiased_one(random, factor):
    """Pillow resamples premultiplied, with the same cubic; it rounds colors to 8 bits before."""
    coarse = random.integers(0, 256, (12, 12, 4), dtype=np.uint8)
    large = np.asarray(Image.fromarray(coarse).resize((240, 240), Image.Resampling.BILINEAR))
    small = 240 // factor
    framed = np.zeros((720, 720, 4), np.uint8)  # Pillow's edges see no transparency beyond
    framed[240:480, 240:480] = large
    reduced = Image.fromarray(framed).resize((3 * small, 3 * small), Image.Resampling.BICUBIC)
    black = np.zeros((3 * small, 3 * small, 3), np.uint8)
    expected = Image.alpha_composite(Image.fromarray(black).convert("RGBA"), reduced).convert("RGB")
    found = compose(large, black, scale=1 / factor)
    inner = slice(small + 2, 2 * small - 2)
    difference = np.abs(found.composite.pixels.astype(int) - np.asarray(expected))
    assert difference.max() <= (4 if factor < 12 else 10)  # a box comes first from a factor of 12 on
    assert difference[inner, inner].mean() < 0.6


@pytest.mark.parametrize(
    ("scale", "rotate", "at"),
    [
        (1, 30, (20, 10)),
        (0.37, 0, (33.25, 20)),
        (0.05, -75, (60, 60)),
        (2.5, 200, (10, -20)),
        (1, 90, (9, 9)),
    ],
)
def test_scaling_and_turning_are_those_of_css(scale, rotate, at):
    side, center = 100, (75.0, 30.0)
    mask = compose(
        disc(12, side, center), np.zeros((260, 280, 3), np.uint8), at=at, scale=scale, rotate=rotate
    ).mask
    angle = math.radians(rotate)  # clockwise where y points down, about the middle of the scaled box
    dx, dy = (center[0] - side / 2) * scale, (center[1] - side / 2) * scale
    x = at[0] + side * scale / 2 + dx * math.cos(angle) - dy * math.sin(angle)
    y = at[1] + side * scale / 2 + dx * math.sin(angle) + dy * math.cos(angle)
    assert centroid(mask) == pytest.approx((x, y), abs=0.06 * max(scale, 1))
    assert mask.sum() / 255 == pytest.approx(math.pi * (12 * scale) ** 2, rel=0.02 if scale > 0.1 else 0.15)


def test_a_quarter_turn_moves_pixels_only(cut_out, scene):
    square = cut_out[:20, :20]
    turned = compose(square, scene, at=(5, 5), rotate=90)
    expected = compose(np.ascontiguousarray(np.rot90(square, -1)), scene, at=(5, 5))
    assert np.array_equal(turned.mask, expected.mask)
    assert np.array_equal(turned.composite.pixels, expected.composite.pixels)


@pytest.mark.parametrize(("scale", "rotate"), [(1, 0), (0.3, 0), (0.9, 12), (3.3, -40)])
def test_colors_under_transparent_pixels_never_show(scale, rotate):
    """A gray square among transparent red pixels, on gray: red fringes would be visible."""
    sprite = np.zeros((60, 60, 4), np.uint8)
    sprite[..., 0] = 255
    sprite[20:40, 20:40] = (128, 128, 128, 255)
    gray = np.full((200, 200, 3), 128, np.uint8)
    composite, mask = compose(sprite, gray, scale=scale, rotate=rotate)
    assert np.array_equal(composite.pixels, gray)
    assert mask.max() == 255


def test_a_sharp_outline_gets_no_halo():
    sprite = np.zeros((90, 90, 4), np.uint8)
    sprite[30:60, 30:60] = 255
    mask = compose(sprite, np.zeros((90, 90, 3), np.uint8), at=(30.3, 30.3), scale=1 / 3).mask
    rows = np.flatnonzero(mask.any(1))
    assert rows[0] >= 39  # the square lies from 40.3 to 50.3
    assert rows[-1] <= 51


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_depth_is_the_backgrounds(random, dtype):
    top = 65535 if dtype is np.uint16 else 1
    scene = (random.random((40, 50, 3)) * top).astype(dtype)
    sprite = random.integers(0, 65536, (20, 20, 4), dtype=np.uint16)
    composite, mask = compose(sprite, scene, at=(10, 10))
    assert (composite.pixels.dtype, mask.dtype) == (dtype, np.uint16)
    alpha = sprite[..., 3:] / 65535
    expected = scene[10:30, 10:30] / top * (1 - alpha) + sprite[..., :3] / 65535 * alpha
    np.testing.assert_allclose(composite.pixels[10:30, 10:30] / top, expected, atol=1e-5)
    assert np.array_equal(composite.pixels[mask == 0], scene[mask == 0])
    eight = compose(sprite, np.zeros((40, 50, 3), np.uint8), at=(10, 10))
    assert (eight.composite.pixels.dtype, eight.mask.dtype) == (np.uint8, np.uint8)


def test_floats_beyond_1_stay_where_nothing_is_pasted(cut_out):
    scene = np.full((40, 50, 3), 7.5, np.float32)
    composite, mask = compose(cut_out, Picture(scene), at=(0, 0))
    assert (composite.pixels[mask == 0] == 7.5).all()
    assert (composite.pixels[mask == 255] <= 1).all()


def through_littlecms(pixels: np.ndarray, before: bytes | None, after: bytes | None) -> np.ndarray:
    image = pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")
    if before:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", before)
    linked = image.icc_import(
        intent="relative", **({"embedded": True} if before else {"input_profile": "srgb"})
    )
    if after is None:
        return linked.icc_export(output_profile="srgb", intent="relative", depth=8).numpy()
    linked = linked.copy()
    linked.set_type(pyvips.GValue.blob_type, "icc-profile-data", after)
    return linked.icc_export(intent="relative", depth=8).numpy()


@pytest.mark.parametrize(("before", "after"), [(P3, None), (None, P3), (P3, PROFILES["adobe"])])
def test_colors_are_converted_to_the_backgrounds_profile(random, before, after):
    colors = random.integers(90, 160, (20, 30, 3), dtype=np.uint8)  # within all these gamuts
    sprite = Picture(np.dstack([colors, np.full((20, 30), 255, np.uint8)]), Metadata(icc=before, exif=b"x"))
    scene = Picture(np.zeros((30, 40, 3), np.uint8), Metadata(icc=after, resolution=(3, 3)))
    composite, _ = compose(sprite, scene, at=(0, 0))
    assert composite.metadata == scene.metadata
    expected = through_littlecms(colors, before, after)
    assert np.abs(composite.pixels[:20, :30].astype(int) - expected).max() <= 1


def test_profiles_of_lookup_tables_are_converted_too(random):
    values = random.integers(110, 150, (20, 30, 3), dtype=np.uint16) * np.uint16(257)  # within both gamuts
    tables = Metadata(icc=table_profile())
    sprite = np.dstack([values, np.full((20, 30), 65535, np.uint16)])
    to_srgb = compose(Picture(sprite, tables), np.zeros((20, 30, 3), np.uint16)).composite.pixels
    expected = uncurve((values / 65535) ** 2 @ (np.linalg.inv(SRGB) @ P3_PRIMARIES).T)
    np.testing.assert_allclose(to_srgb / 65535, expected, atol=2 / 255)
    sprite[..., :3] = to_srgb
    scene = Picture(np.zeros((20, 30, 3), np.uint16), tables)
    back = compose(sprite, scene).composite
    assert back.metadata == tables
    np.testing.assert_allclose(back.pixels / 65535, values / 65535, atol=2 / 255)


def test_a_profile_that_both_have_changes_nothing(cut_out, scene):
    cut_out[..., 3] = 255
    wide = Metadata(icc=P3)
    composite, _ = compose(Picture(cut_out, wide), Picture(scene, wide), at=(0, 0))
    assert np.array_equal(composite.pixels[:20, :30], cut_out[..., :3])


def test_gray_and_color_meet(random):
    gray = random.integers(0, 256, (20, 30, 1), dtype=np.uint8)
    white = np.full((20, 30, 1), 255, np.uint8)
    on_color, _ = compose(Picture(np.dstack([gray, white])), np.zeros((30, 40, 3), np.uint8), at=(0, 0))
    assert np.array_equal(on_color.pixels[:20, :30], np.repeat(gray, 3, axis=2))
    color = random.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    on_gray, _ = compose(np.dstack([color, white]), np.zeros((30, 40), np.uint8), at=(0, 0))
    assert on_gray.pixels.shape == (30, 40, 1)
    luma = color @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(on_gray.pixels[:20, :30, 0] - luma).max() <= 0.51
    profiled, _ = compose(
        np.dstack([gray, gray, gray, white]),
        Picture(np.zeros((30, 40, 1), np.uint8), Metadata(icc=GRAY_PROFILE)),
        at=(0, 0),
    )
    light = np.where(gray <= 0.04045 * 255, gray / 255 / 12.92, ((gray / 255 + 0.055) / 1.055) ** 2.4)
    assert np.abs(profiled.pixels[:20, :30] - light ** (1 / 1.8) * 255).max() <= 1


def test_pillow_pastes_the_same_on_a_transparent_background(cut_out, random):
    scene = random.integers(0, 256, (60, 80, 4), dtype=np.uint8)
    scene[:20] = 0
    composite, mask = compose(cut_out, scene, at=(10, 5))
    base = Image.fromarray(scene)
    base.alpha_composite(Image.fromarray(cut_out), (10, 5))
    expected = np.asarray(base)
    pasted = mask > 0
    assert np.array_equal(composite.pixels[~pasted], scene[~pasted])
    shown = composite.pixels[pasted].astype(int), expected[pasted].astype(int)
    assert np.abs(shown[0] - shown[1]).max() <= 2  # Pillow computes in 7 bits more than 8


def test_a_mask_stands_for_the_alpha_channel(cut_out, scene, tmp_path):
    expected = compose(cut_out, scene, at=(3, 4))
    Image.fromarray(cut_out[..., 3]).save(tmp_path / "mask.png")
    Image.fromarray(cut_out[..., :3]).save(tmp_path / "photo.png")
    found = compose(tmp_path / "photo.png", Image.fromarray(scene), at=(3, 4), mask=tmp_path / "mask.png")
    assert np.array_equal(found.mask, expected.mask)
    assert np.array_equal(found.composite.pixels, expected.composite.pixels)
    half = np.zeros((20, 30), bool)
    half[:10] = True
    both = compose(cut_out, scene, at=(3, 4), mask=half)
    assert np.array_equal(both.mask[4:14], expected.mask[4:14])
    assert not both.mask[14:].any()
    deep = compose(cut_out[..., :3], scene, at=(3, 4), mask=cut_out[..., 3] * np.uint16(257))
    assert np.array_equal(deep.mask, expected.mask)
    resized = compose(cut_out, scene, mask=np.full((5, 5), 255, np.uint8), resize_mask=True)
    assert np.array_equal(resized.mask, compose(cut_out, scene).mask)


def test_what_is_pasted_can_be_harmonized(official_model, cut_out, scene):
    composite, mask = compose(cut_out, scene)
    image = cdtnet.Harmonizer(official_model, "cpu")(composite, mask).image
    assert np.array_equal(image.pixels[mask == 0], scene[mask == 0])
    assert (image.pixels != composite.pixels).any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"foreground": np.zeros((9, 9, 3), np.uint8)}, "no transparency .* mask of the foreground"),
        ({"foreground": np.zeros((9, 9, 4), np.uint8)}, "transparent wherever it covers"),
        ({"at": (95, 0)}, "wholly outside the 80×60 pixels"),
        ({"at": (0, -22)}, "wholly outside"),
        ({"at": (math.nan, 0)}, "nan,0 is not valid"),
        ({"at": (1e9, 0)}, r"1e\+09,0 is not valid"),
        ({"scale": 0}, "between 1/400 and 400, not 0"),
        ({"scale": -1}, "not -1"),
        ({"scale": 1000}, "not 1000"),
        ({"scale": math.nan}, "not nan"),
        ({"scale": 0.01}, "nothing would be left of the foreground's 30×20"),
        ({"rotate": math.inf}, "degrees, not inf"),
        ({"mask": np.zeros((5, 6), np.uint8)}, "mask has 6×5 pixels and the picture 30×20"),
        ({"mask": np.zeros((20, 30), np.uint8)}, "transparent wherever"),
        ({"foreground": "absent.png"}, "absent.png does not exist"),
        ({"background": Picture(np.zeros((9, 9, 3), np.uint8), Metadata(icc=P3[:200]))}, "damaged"),
    ],
)
def test_what_cannot_be_pasted_is_said(cut_out, scene, change, words):
    arguments = {"foreground": cut_out, "background": scene, **change}
    with pytest.raises(CdtnetError, match=words):
        compose(**arguments)


@settings(max_examples=60)
@given(
    st.tuples(st.floats(-120, 140), st.floats(-120, 140)),
    st.floats(0.02, 6),
    st.floats(-720, 720),
    st.sampled_from([1, 2, 3, 4]),
)
def test_wherever_it_is_pasted_the_rest_is_untouched(at, scale, rotate, channels):
    random = np.random.default_rng(channels)
    scene = random.integers(0, 256, (70, 90, channels), dtype=np.uint8)
    sprite = random.integers(0, 256, (50, 40, 4), dtype=np.uint8)
    try:
        composite, mask = compose(sprite, Picture(scene), at=at, scale=scale, rotate=rotate)
    except CdtnetError:  # outside, or too small
        return
    assert np.array_equal(composite.pixels[mask == 0], scene[mask == 0])
    reach = math.hypot(50, 40) * scale / 2 + 3 + scale  # of the foreground's corners
    y, x = np.mgrid[:70, :90] + 0.5
    far = np.hypot(x - at[0] - 20 * scale, y - at[1] - 25 * scale) > reach
    assert not mask[far].any()


MEASURE = """
import numpy as np
from cdtnet import compose
from cdtnet.system.machine import peak_memory
scene, sprite = np.full((4000, 6000, 3), 99, np.uint8), np.full((4000, 6000, 4), 200, np.uint8)
compose(sprite[:9, :9], scene)
before = peak_memory()
compose(sprite, scene, scale=SCALE, rotate=20)
print((peak_memory() - before) / 1e6)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak resident size is counted in other units elsewhere")
@pytest.mark.parametrize("scale", [0.01, 0.5])
def test_memory_does_not_grow_with_the_pictures(scale):
    code = MEASURE.replace("SCALE", str(scale))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 300


def test_the_layer_shows_the_foreground_where_it_is_seen_at_all(cut_out, scene):
    made = compose(cut_out, scene, at=(13, 7))
    window, pixels = made.layer
    expected = scene.copy()
    below = expected[7:27, 13:43]
    below[:] = np.where(cut_out[..., 3:] > 0, cut_out[..., :3], below)
    assert np.array_equal(pixels, expected[window.slices])
