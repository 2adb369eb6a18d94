"""Controls: the formulas compared with a plain computation; nothing is analyzed or rendered twice."""

import math
from dataclasses import asdict

import numpy as np
import pytest

from cdtnet import Harmonizer, PictureError, compose
from cdtnet.imaging.masks import antialiased
from cdtnet.inference.controls import Controls
from cdtnet.inference.options import Options
from cdtnet.inference.steering import Levels, steer

LEVELS = Levels(0.4, 0.6)
EACH = [
    {"strength": 0.6},
    {"tone": 0.3},
    {"color": 1.7},
    {"tone": 0.0, "color": 2.0, "strength": 0.5},
    {"keep_hue": True},
    {"brightness": 40},
    {"contrast": -60},
    {"contrast": 80, "tone": 0.5},
    {"warmth": 70},
    {"tint": -90},
    {"saturation": 55},
    {
        "tone": 0.8,
        "keep_hue": True,
        "saturation": -30,
        "contrast": 20,
        "brightness": -10,
        "warmth": 5,
        "tint": 9,
    },
]


def plain_computation(controls, before, change, levels):
    """Compute one color in Python's floats, by the formulas in the documentation."""

    def luma(rgb):
        return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]

    def split(rgb):
        return luma(rgb), [value - luma(rgb) for value in rgb]

    light, rest = split(change)
    tone, color = controls.strength * controls.tone, controls.strength * controls.color
    out = [c + tone * light + color * r for c, r in zip(before, rest, strict=True)]
    if controls.keep_hue:
        light, chroma = split(out)
        wanted = split(before)[1]
        defined = math.hypot(*wanted) / (math.hypot(*wanted) + 0.02)
        turned = [math.hypot(*chroma) * each / math.hypot(*wanted) for each in wanted]
        out = [light + u + defined * (t - u) for u, t in zip(chroma, turned, strict=True)]
    light, chroma = split(out)
    out = [light + (1 + controls.saturation / 100) * each for each in chroma]
    pivot = levels.composite + tone * (levels.harmonized - levels.composite)
    out = [pivot + (1 + controls.contrast / 100) * (value - pivot) for value in out]
    for k, (warm, magenta) in enumerate(zip((1, 0, -1), (0, -1, 0), strict=True)):
        out[k] += 0.25 * controls.brightness / 100
        out[k] += 0.1 * controls.warmth / 100 * (warm - (0.299 - 0.114))
        out[k] += 0.1 * controls.tint / 100 * (magenta + 0.587)
    return [min(max(value, 0.0), 1.0) for value in out]


@pytest.mark.parametrize("words", EACH, ids=str)
def test_colors_are_steered_by_the_documented_formulas(random, words):
    controls = Controls(**words)
    before = random.uniform(0.2, 0.8, (40, 3)).astype(np.float32)
    change = random.uniform(-0.2, 0.2, (40, 3)).astype(np.float32)
    steered = steer(controls, before, change, LEVELS)
    expected = [
        plain_computation(controls, c, d, LEVELS)
        for c, d in zip(before.tolist(), change.tolist(), strict=True)
    ]
    np.testing.assert_allclose(steered, expected, atol=1e-6)


def test_grays_stay_steady_where_the_hue_is_kept(random):
    gray = np.repeat(random.uniform(0.2, 0.8, (50, 1)), 3, axis=1).astype(np.float32)
    change = random.uniform(-0.1, 0.1, (50, 3)).astype(np.float32)
    near = gray + random.uniform(-1, 1, (50, 3)).astype(np.float32) / 2550  # a tenth of a level
    steered = [steer(Controls(keep_hue=True), before, change, LEVELS) for before in (gray, near)]
    np.testing.assert_allclose(*steered, atol=3 / 255)


@pytest.mark.parametrize("name", ["tone", "color", "brightness", "contrast", "warmth", "tint", "saturation"])
@pytest.mark.parametrize("value", [-101, 101, math.nan])
def test_a_control_out_of_its_range_is_refused(name, value):
    with pytest.raises(PictureError, match=f"The {name} must be between"):
        Options().but(**{name: value})


@pytest.fixture(scope="module", params=["openvino", "pytorch"])
def harmonizer(close_up_weights, request):
    return Harmonizer(close_up_weights, "cpu", engine=request.param, precision="float32")


@pytest.fixture
def pictures(random):
    """A composite in float32, and a mask with solid, soft and black parts."""
    mask = np.zeros((70, 90), np.float32)
    mask[20:50, 25:60] = 1
    mask[30:40, 60:75] = 0.4
    return random.uniform(0.3, 0.7, (70, 90, 3)).astype(np.float32), mask


def expected_image(analysis, composite, mask, words):
    """Compute the expected image from a result at low strength, where nothing is clipped."""
    mask, little = antialiased(mask), analysis.render(Controls(strength=0.05)).image
    assert little.min() > 0
    assert little.max() < 1
    soft, image = mask[..., None], composite.copy()
    change = np.divide(little - composite, 0.05 * soft, where=soft > 0, out=np.zeros_like(composite))
    inside = np.argwhere(mask > 0)
    for row, column in inside:
        out = plain_computation(
            Controls(**words), composite[row, column], change[row, column], analysis.levels
        )
        image[row, column] += mask[row, column] * (np.array(out, np.float32) - composite[row, column])
    return image


@pytest.mark.parametrize("words", [EACH[1], EACH[4], EACH[-1]], ids=str)
def test_a_picture_is_steered_from_one_analysis(harmonizer, pictures, words, monkeypatch):
    composite, mask = pictures
    with np.errstate(all="raise"):
        analysis = harmonizer.analyze(composite, mask, keep=True)
        first = analysis.render().image

    def refuse(*_):
        raise AssertionError("the network is asked again")

    with monkeypatch.context() as patch:
        patch.setattr(harmonizer.engine, "look", refuse)
        patch.setattr(harmonizer.engine, "render", refuse)
        again = analysis.render(Controls(**words)).image
        assert np.array_equal(analysis.render().image, first)
    assert np.array_equal(again, harmonizer(composite, mask, **words).image)
    assert np.array_equal(first, harmonizer(composite, mask).image)
    assert np.array_equal(again[mask == 0], composite[mask == 0])
    np.testing.assert_allclose(again, expected_image(analysis, composite, mask, words), atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_background_comes_back_bit_identical(harmonizer, pictures, dtype):
    composite, mask = ((values * np.iinfo(dtype).max).astype(dtype) for values in pictures)
    result = harmonizer(composite, [mask, mask[::-1].copy()], **EACH[-1])
    black = (mask == 0) & (mask[::-1] == 0)
    assert result.image.dtype == dtype
    assert np.array_equal(result.image[black], composite[black])
    assert (result.image[~black] != composite[~black]).any()


def test_every_depth_is_steered_alike(harmonizer, pictures):
    composite = np.rint(pictures[0] * 255) / 255
    words = {**EACH[-1], "apply_anyway": True}
    images = [
        harmonizer((composite * top + rounding).astype(dtype), pictures[1], **words).image / top
        for dtype, top, rounding in ((np.uint8, 255, 0.5), (np.uint16, 65535, 0.5), (np.float32, 1, 0))
    ]
    np.testing.assert_allclose(images[0], images[2], atol=1.1 / 255)
    np.testing.assert_allclose(images[1], images[2], atol=1e-4)


def test_soft_edges_of_a_layer_change_as_solid_parts_do(harmonizer, random):
    cutout = np.full((30, 30, 4), [150, 100, 90, 255], np.uint8)
    cutout[:, :10, 3] = 128
    made = compose(cutout, np.full((60, 60, 3), 120, np.uint8))
    image = harmonizer(made.composite, made.mask, layer=made.layer, strength=0, brightness=20).image.pixels
    moved = image.astype(int) - made.composite.pixels
    solid, soft = moved[made.mask == 255], moved[made.mask == 128]
    assert np.array_equal(np.unique(solid), [13])  # 0.25 · 20 / 100 of 255
    assert np.isin(soft, (6, 7)).all()


@pytest.mark.filterwarnings("ignore:Little is changed")
def test_a_table_is_steered_as_the_picture_is(weights, pictures):
    harmonizer = Harmonizer("cdtnet-sim", "cpu")
    composite, mask = pictures[0], (pictures[1] == 1).astype(np.float32)
    analysis = harmonizer.analyze(composite, mask, tone=0.4, warmth=30)
    image = analysis.render().image
    np.testing.assert_allclose(analysis.table().recolor(composite, mask), image, atol=2e-3)


def test_options_are_told_by_the_same_words_everywhere():
    options = Options(quality=80).but(tone=0.5, keep_hue=True, snap_mask=True)
    assert options.controls == Controls(tone=0.5, keep_hue=True)
    assert Options().but(**options.flat()) == options
    assert options.flat().keys() >= asdict(Controls()).keys()
    with pytest.raises(TypeError, match="tones"):
        Options().but(tones=1)
