"""The Harmonizer, with the weights of the parity case, which change all colors strongly."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cdtnet
from cdtnet.config import HALO, Config
from cdtnet.engines.confidence import Confidence
from cdtnet.imaging import Metadata, Picture
from cdtnet.imaging.geometry import Window
from cdtnet.inference.crop import close_up
from cdtnet.inference.harmonizer import Harmonizer
from cdtnet.model.loading import build
from cdtnet.weights import Weights, read_weights, write_weights
from tests.kinds import HEIGHT, WIDTH, pillow

pytestmark = pytest.mark.filterwarnings("ignore:The mask")


@pytest.fixture(scope="module", params=["openvino", "pytorch"])
def harmonizer(weights, request) -> Harmonizer:
    return Harmonizer(weights, device="cpu", engine=request.param)


def composite_and_mask(height, width, seed, kind):
    random = np.random.default_rng(seed)
    composite = random.random((height, width, 3), dtype=np.float32)
    mask = np.zeros((height, width), np.float32)
    top, left = random.integers(0, height), random.integers(0, width)
    if kind == "pixel":
        mask[top, left] = 1
    elif kind == "border":
        mask[:, -1] = mask[0, :] = 1
    elif kind == "box":
        mask[top : top + 1 + height // 3, left : left + 1 + width // 3] = 1
    elif kind == "soft":
        mask[:] = random.random((height, width)) * (random.random((height, width)) < 0.3)
    elif kind == "full":
        mask[:] = 1
    return composite, mask


def whole_frame(model, composite, mask):
    """Compute the module's forward pass over the whole picture."""
    image, soft = torch.from_numpy(composite).permute(2, 0, 1)[None], torch.from_numpy(mask)[None, None]
    return model(image, soft).image[0].permute(1, 2, 0).numpy()


kinds = st.sampled_from(["pixel", "border", "box", "soft", "full"])


@settings(max_examples=40)
@given(
    st.integers(1, 120), st.integers(1, 120), st.integers(0, 9999), kinds, st.sampled_from([1, 7, 32, 256])
)
def test_tiles_equal_the_whole_frame(harmonizer, official_model, height, width, seed, kind, tile):
    if tile == 1:
        height, width = min(height, 12), min(width, 12)
    composite, mask = composite_and_mask(height, width, seed, kind)
    expected = composite + mask[..., None] * (whole_frame(official_model, composite, mask) - composite)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harmonizer.engine, "tile", tile)
        image = harmonizer(composite, mask).image
    np.testing.assert_allclose(image, expected.clip(0, 1), atol=1e-5)


@pytest.mark.parametrize("shape", [(301, 517), (640, 150)])
def test_the_published_whole_frame(harmonizer, official_model, shape):
    composite, mask = composite_and_mask(*shape, 3, "soft")
    image = harmonizer(composite, mask, whole_frame=True).image
    np.testing.assert_allclose(image, whole_frame(official_model, composite, mask).clip(0, 1), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [3, 4])
def test_pixels_outside_the_mask_come_back_bit_identical(harmonizer, random, dtype, channels):
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    composite = (random.random((90, 130, channels)) * top).astype(dtype)
    mask = np.zeros((90, 130), np.uint8)
    mask[30:50, 40:90] = 255
    mask[50:52, 40:90] = 1
    image = harmonizer(composite, mask).image
    assert image.dtype == dtype
    assert np.array_equal(image[mask == 0], composite[mask == 0])
    changed = (image[..., :3] != composite[..., :3]).any(-1)
    assert changed[30:50, 40:90].mean() > 0.99
    if channels == 4:
        assert np.array_equal(image[..., 3], composite[..., 3])


def test_an_empty_mask_or_no_strength_returns_the_composite(harmonizer):
    composite, mask = composite_and_mask(50, 60, 0, "box")
    untouched = harmonizer(composite, np.zeros_like(mask))
    assert np.array_equal(untouched.image, composite)
    assert not np.shares_memory(untouched.image, composite)
    assert untouched.lut is None
    unmoved = harmonizer(composite, mask, strength=0)
    assert np.array_equal(unmoved.image, composite)
    assert unmoved.lut is not None


@pytest.mark.parametrize("engine", ["openvino", "pytorch"])
def test_what_the_network_is_not_sure_of_is_left_and_said(random, engine, monkeypatch):
    composite, mask = random.integers(0, 60, (40, 50, 3), dtype=np.uint8), np.zeros((40, 50), np.uint8)
    mask[10:30, 10:30] = 255
    composite[mask > 0] += np.array([150, 90, 30], np.uint8)  # so that the mask is exact
    twice = Harmonizer("cdtnet-256", "cpu", engine=engine)
    sure = twice(composite, mask)
    assert sure.remark is None
    assert not np.array_equal(sure.image, composite)
    monkeypatch.setattr("cdtnet.inference.analysis.confidence", lambda *_: Confidence(share=0, size=1))
    with pytest.warns(UserWarning, match="Little is changed, because two looks"):
        unsure = twice(composite, mask)
    assert "Little is changed, because two looks" in unsure.remark
    assert np.array_equal(unsure.image, composite)
    with pytest.warns(UserWarning, match="Little is changed, because two looks"):
        lut = twice.lut(composite, mask)
    np.testing.assert_allclose(lut.recolor(composite, mask), composite, atol=1)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("level", "words"), [(0, "black everywhere"), (1, "1 of 255"), (255, "white everywhere")]
)
def test_a_mask_that_leaves_nothing_to_do_warns(harmonizer, random, level, words):
    composite = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    with pytest.warns(UserWarning, match=words):
        result = harmonizer(composite, np.full((20, 20), level, np.uint8))
    assert words in result.remark


@pytest.mark.filterwarnings("default")
def test_what_a_file_says_and_no_result_can_is_said(harmonizer):
    with pytest.warns(UserWarning, match="common printing inks"):
        result = harmonizer(pillow("JPEG", "CMYK"), np.eye(HEIGHT, WIDTH, dtype=np.uint8) * 255)
    assert "common printing inks" in result.remark


def test_strength_moves_every_pixel_further_the_same_way(harmonizer):
    composite, mask = composite_and_mask(60, 50, 1, "soft")
    steps = [harmonizer(composite, mask, strength=s).image.astype(np.float64) for s in np.linspace(0, 1, 6)]
    away = [np.abs(image - composite) for image in steps]
    assert all((after >= before - 1e-6).all() for before, after in pairwise(away))
    inside = (steps[-1] > 0) & (steps[-1] < 1)  # where nothing was clipped
    np.testing.assert_allclose(
        steps[3][inside], (composite + 0.6 * (steps[-1] - composite))[inside], atol=1e-5
    )


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strengths_outside_0_to_1_are_refused(harmonizer, strength):
    with pytest.raises(cdtnet.CdtnetError, match="between 0 and 1"):
        harmonizer(*composite_and_mask(9, 9, 0, "box"), strength=strength)


def test_the_same_call_twice_gives_the_same_bytes(harmonizer):
    composite, mask = composite_and_mask(200, 300, 5, "soft")
    assert harmonizer(composite, mask).image.tobytes() == harmonizer(composite, mask).image.tobytes()


def test_the_table_is_the_one_that_was_used(harmonizer, official_model):
    composite, mask = composite_and_mask(40, 50, 2, "full")
    lut = harmonizer(composite, mask).lut
    out = official_model(
        torch.from_numpy(composite).permute(2, 0, 1)[None], torch.from_numpy(mask)[None, None]
    )
    np.testing.assert_allclose(lut.apply(composite), out.lut_image[0].permute(1, 2, 0), atol=1e-5)


def test_the_result_is_of_the_composites_kind(harmonizer, tmp_path):
    from PIL import Image

    composite, mask = composite_and_mask(30, 20, 4, "box")
    codes, white = (composite * 255).astype(np.uint8), (mask * 255).astype(np.uint8)
    Image.fromarray(codes).save(tmp_path / "composite.png")
    Image.fromarray(white).save(tmp_path / "mask.png")
    expected = harmonizer(codes, white).image
    pil = harmonizer(Image.fromarray(codes), Image.fromarray(white)).image
    assert isinstance(pil, Image.Image)
    assert np.array_equal(np.asarray(pil), expected)
    picture = harmonizer(str(tmp_path / "composite.png"), tmp_path / "mask.png").image
    assert isinstance(picture, cdtnet.Picture)
    assert np.array_equal(np.asarray(picture), expected)


def test_gray_stays_gray(harmonizer, random):
    composite = random.integers(0, 256, (40, 40), dtype=np.uint8)
    image = harmonizer(composite, np.full((40, 40), 255, np.uint8)).image
    assert image.shape == (40, 40)
    assert (image != composite).mean() > 0.5


def test_a_mask_of_another_size_is_refused_or_resized(harmonizer):
    composite, _ = composite_and_mask(40, 60, 0, "box")
    small = np.full((20, 30), 255, np.uint8)
    with pytest.raises(cdtnet.PictureError, match=r"30×20.*60×40"):
        harmonizer(composite, small)
    assert harmonizer(composite, small, resize_mask=True).image.shape == composite.shape


@pytest.mark.parametrize("engine", ["openvino", "pytorch"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_close_up_is_the_surroundings_by_themselves(weights, close_up_weights, engine, dtype):
    plain, close = (
        Harmonizer(path, "cpu", engine=engine, precision="float32") for path in (weights, close_up_weights)
    )
    composite, _ = composite_and_mask(350, 420, 6, "box")
    composite = (composite * (255 if dtype == "uint8" else 1)).astype(dtype)
    foreground = Window(90, 60, 331, 120)
    mask = np.zeros((350, 420), np.float32)
    mask[foreground.slices] = np.linspace(0.1, 0.45, 60)  # no hard edges, which a close-up makes softer
    frame = close_up([foreground], 64, 350, 420)
    expected = composite.copy()
    expected[frame.slices] = plain(composite[frame.slices].copy(), mask[frame.slices].copy()).image
    found = close(composite, mask)
    assert np.array_equal(found.image, expected)
    assert (found.image != plain(composite, mask).image).any()
    assert np.array_equal(close.lut(composite, mask).table, found.lut.table)
    frames = [h(composite, mask, whole_frame=True).image for h in (plain, close)]
    assert np.array_equal(*frames)


def test_progress_is_told_tile_by_tile(harmonizer):
    told = []
    composite, mask = composite_and_mask(300, 520, 0, "full")
    harmonizer(composite, mask, progress=lambda done, total: told.append((done, total)))
    count = -(-300 // harmonizer.engine.tile) * -(-520 // harmonizer.engine.tile)
    assert count > 1
    assert told == [(k + 1, count) for k in range(count)]


def test_the_same_colors_in_another_profile_are_harmonized_alike(harmonizer, official_model, random):
    """A picture in Display P3 gives the same result as the picture converted to sRGB by LittleCMS."""
    import pyvips

    small = random.integers(70, 180, (6, 9, 3), dtype=np.uint8)
    plain = pyvips.Image.new_from_array(small).resize(10, kernel="linear").copy(interpretation="srgb")
    wide = plain.icc_transform("p3", input_profile="srgb", depth=16)
    mask = np.zeros((60, 90), np.uint8)
    mask[10:50, 20:70] = 255
    expected = harmonizer(plain.numpy(), mask).image.astype(int)
    icc = wide.get("icc-profile-data")
    result = harmonizer(Picture(wide.numpy(), Metadata(icc=icc)), mask).image
    assert result.metadata.icc == icc
    back = pyvips.Image.new_from_array(result.pixels).copy(interpretation="rgb16")
    back.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    srgb = back.icc_transform("srgb", embedded=True, depth=8).numpy().astype(int)
    inside = (expected > 0).all(-1) & (expected < 255).all(-1)  # colors that sRGB holds
    assert inside.mean() > 0.5
    difference = np.abs(srgb - expected)[inside]
    assert difference.max() <= 5  # LittleCMS itself is up to 4 levels off at the edge of the gamut
    assert difference.mean() < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("height", "width"), [(4000, 6000), pytest.param(6000, 4000, marks=pytest.mark.nightly)]
)
def test_24_megapixels_by_tiles_equal_one_large_window(harmonizer, official_model, height, width):
    """Render corners of the picture by the module as windows of different sizes."""
    random = np.random.default_rng(0)
    coarse = random.random((height // 100, width // 100, 3), dtype=np.float32)
    composite = np.kron(coarse, np.ones((100, 100, 1), np.float32))
    mask = np.zeros((height, width), np.float32)
    corners = [
        Window(top, left, top + 300, left + 300) for top in (0, height - 300) for left in (0, width - 300)
    ]
    for corner in corners:
        mask[corner.slices] = random.random((300, 300)) > 0.5
    image = torch.from_numpy(composite).permute(2, 0, 1)[None]
    soft = torch.from_numpy(mask)[None, None]
    analysis = official_model.analyze(official_model.downsample(image, soft))
    result = harmonizer(composite, mask).image
    for corner in corners:
        outer = corner.grow(HALO, height, width)
        part = (..., *outer.slices)
        rendered, _ = official_model.render(analysis, image[part], soft[part], (height, width), outer)
        inside = (..., *corner.within(outer).slices)
        blended = torch.lerp(image[part], rendered, soft[part])[inside][0].permute(1, 2, 0)
        np.testing.assert_allclose(result[corner.slices], blended.clip(0, 1), atol=1e-5)


@pytest.mark.parametrize("engine", ["openvino", "pytorch"])
def test_the_color_mappings_picture_is_blended_once(weights, tmp_path, engine):
    """As published: CDTNet-sim's own output is look-up · mask + composite · (1 − mask)."""
    sim = tmp_path / "sim.safetensors"
    entries, card = read_weights(Path(weights))
    kept = {name: value for name, value in entries.items() if not name.startswith("refinement.")}
    config = Config("cdtnet-sim", base_size=card["config"]["base_size"])
    write_weights(sim, build(Weights("sim", config, kept)), {})
    composite, mask = composite_and_mask(60, 70, 0, "soft")
    result = Harmonizer(str(sim), "cpu", engine=engine)(composite, mask)
    looked_up = result.lut.apply(composite)
    expected = composite + mask[..., None] * (looked_up - composite)
    np.testing.assert_allclose(result.image, expected.clip(0, 1), atol=1e-5)


def test_a_table_alone_is_that_of_the_result(harmonizer):
    composite, mask = composite_and_mask(60, 70, 0, "box")
    assert np.array_equal(harmonizer.lut(composite, mask).table, harmonizer(composite, mask).lut.table)
    assert harmonizer.lut(composite, np.zeros_like(mask)) is None


@pytest.mark.parametrize("engine", ["openvino", "pytorch"])
def test_applied_anyway_the_whole_change_is_made_and_nothing_is_said(random, engine, monkeypatch):
    composite, mask = random.integers(0, 256, (40, 50, 3), dtype=np.uint8), np.zeros((40, 50), np.uint8)
    mask[10:30, 10:30] = 255
    monkeypatch.setattr("cdtnet.inference.analysis.GAIN", np.inf)  # with the mask as it is
    twice = Harmonizer("cdtnet-256", "cpu", engine=engine)
    whole = twice(composite, mask, apply_anyway=True)
    monkeypatch.setattr("cdtnet.inference.analysis.confidence", lambda *_: Confidence(share=0, size=1))
    anyway = twice(composite, mask, apply_anyway=True, record=True)
    assert anyway.remark is None
    assert not np.array_equal(anyway.image, composite)
    np.testing.assert_array_equal(anyway.image, whole.image)
    np.testing.assert_array_equal(anyway.lut.table, whole.lut.table)
    assert anyway.record["apply_anyway"] is True
    monkeypatch.setattr("cdtnet.inference.analysis.confidence", lambda *_: Confidence(share=0.5, size=1))
    half = twice(composite, mask)
    assert half.remark is None
    full, some = (image.astype(int) - composite for image in (whole.image, half.image))
    assert np.abs(2 * some - full).max() <= 2  # of that, a half


def test_why_little_is_changed_is_said_for_what_it_is(random, monkeypatch):
    composite, mask = random.integers(0, 256, (900, 900, 3), dtype=np.uint8), np.zeros((900, 900), np.uint8)
    harmonizer = Harmonizer("cdtnet-256", "cpu")

    def said(share, size):
        monkeypatch.setattr("cdtnet.inference.analysis.confidence", lambda *_: Confidence(share, size))
        with pytest.warns(UserWarning, match="Little is changed"):
            return harmonizer(composite, mask).remark

    mask[300:305, 300:305] = 255
    assert "too small to judge" in said(0.1, 0.1)
    assert "already fits" in said(0.1, 0.001)
    mask[200:500, 200:500] = 255
    assert "follows the object's edge more closely" in said(0.29, 0.1)
    assert "apply it anyway" in said(0.29, 0.1)
