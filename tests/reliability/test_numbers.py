"""NaN, infinities and other unusual values in pictures, masks, weights and strengths."""

import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors import safe_open
from safetensors.numpy import save_file

import cdtnet
from cdtnet import Harmonizer, Lut, Picture, PictureError, WeightsError
from cdtnet.imaging import Metadata, color_codec, read_picture, write_picture
from cdtnet.weights import read_weights

pytestmark = pytest.mark.filterwarnings("ignore:The mask")

SIGNALLING = np.array([0x7FA00001], np.uint32).view(np.float32)[0]  # a NaN that few programs leave alone
ODD = [np.nan, SIGNALLING, np.inf, -np.inf, 3.4e38, -3.4e38, 1e-40, -1e-40, -0.0, 1e9, -5.0, 1.0, 0.0]


@pytest.fixture(scope="module", params=["openvino", "pytorch"])
def harmonizer(weights, request) -> Harmonizer:
    return Harmonizer(weights, "cpu", engine=request.param)


def bits(values):
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")


sides = st.integers(1, 9)
pixels = st.tuples(sides, sides, st.integers(1, 4)).flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=st.sampled_from(ODD) | st.floats(0, 1, width=32))
)
coverages = st.sampled_from([0.0, 1.0, 1e-40, 1.2e-38, 2**-24, 0.5]) | st.floats(0, 1, width=32)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(pixels, st.data(), st.sampled_from([0.0, 1e-300, 0.5, 1.0]))
def test_any_floats_end_in_a_picture(harmonizer, composite, data, strength):
    """Background, NaN and infinities are unchanged, bit for bit; all other values stay valid colors."""
    mask = data.draw(arrays.arrays(np.float32, composite.shape[:2], elements=coverages))
    if composite.shape[2] in (2, 4):  # of a cut-out without a background nothing can be made
        behind = composite[mask == 0][:, -1]
        assume(not behind.size or (behind > 0).any())
    image = harmonizer(Picture(composite), mask, strength=strength).image.pixels
    colors = image[..., : 1 if image.shape[2] < 3 else 3]
    before = composite[..., : colors.shape[2]]
    numbers = np.isfinite(before)
    assert np.array_equal(bits(image)[mask == 0], bits(composite)[mask == 0])
    assert np.array_equal(bits(colors)[~numbers], bits(before)[~numbers])
    assert np.array_equal(bits(image)[..., colors.shape[2] :], bits(composite)[..., colors.shape[2] :])
    low, high = np.minimum(before, 0), np.maximum(before, 1)
    assert ((low <= colors) & (colors <= high))[numbers].all()


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("where", ["foreground", "background"])
def test_one_odd_pixel_changes_nothing_but_what_black_or_white_would(harmonizer, random, odd, where):
    """The analysis of a whole picture has no NaN."""
    composite = random.random((70, 90, 3), dtype=np.float32)
    mask = np.zeros((70, 90), np.float32)
    mask[20:50, 30:60] = 1
    place = (30, 40) if where == "foreground" else (5, 5)
    strange, plain = composite.copy(), composite.copy()
    strange[place], plain[place] = odd, np.clip(np.nan_to_num(odd, nan=0), 0, 1)
    images = [harmonizer(Picture(each), mask).image.pixels for each in (strange, plain)]
    same = np.ones(mask.shape, bool)
    same[place] = False
    assert np.array_equal(images[0][same], images[1][same])
    assert np.abs(images[0][same] - composite[same])[mask[same] > 0].max() > 0.01


def test_a_float_tiff_with_nan_goes_through_files(harmonizer, random, tmp_path, monkeypatch):
    composite = random.random((300, 40, 4), dtype=np.float32)
    composite[::7, ::3], composite[1::7, :, 3] = SIGNALLING, np.nan
    write_picture(Picture(composite), tmp_path / "in.tif")
    mask = np.zeros((300, 40), np.uint8)
    mask[100:200, 10:30] = 255
    expected = harmonizer(Picture(composite), mask).image.pixels
    for large in (1 << 30, 0):  # in memory, and streamed
        monkeypatch.setattr("cdtnet.inference.streaming.LARGE", large)
        harmonizer.to_file(tmp_path / "in.tif", mask, tmp_path / "out.tif")
        found = read_picture(tmp_path / "out.tif").pixels
        assert np.array_equal(bits(found), bits(expected))
        assert np.array_equal(bits(found)[mask == 0], bits(composite)[mask == 0])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", ">f8"])
def test_arrays_may_hold_nan_too(harmonizer, random, dtype):
    composite = random.random((20, 30, 3)).astype(dtype)
    composite[3, 4], composite[10, 10, 1] = np.nan, -np.nan
    mask = np.zeros((20, 30), bool)
    mask[8:15, 8:20] = True
    image = harmonizer(composite, mask).image
    assert image.dtype == composite.dtype
    assert image[~mask].tobytes() == composite[~mask].tobytes()
    assert np.array_equal(np.isnan(image), np.isnan(composite))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1.0001, -1e-9, 255.0])
def test_arrays_beyond_0_to_1_are_refused(harmonizer, value):
    composite = np.full((9, 9, 3), np.nan)
    composite[2, 2, 2] = value
    with pytest.raises(PictureError, match="must hold values from 0 to 1"):
        harmonizer(composite, np.ones((9, 9)))


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -1e-9, 1.0001])
@pytest.mark.parametrize("resize", [False, True])
def test_masks_that_are_no_coverage_are_refused(harmonizer, value, resize):
    mask = np.zeros((9, 9), np.float32)
    mask[4, 4] = value
    composite = np.zeros((18, 18, 3) if resize else (9, 9, 3))
    with pytest.raises(PictureError, match=r"float (mask|array) must hold values"):
        harmonizer(composite, mask, resize_mask=resize)
    with pytest.raises(PictureError, match="float mask must hold values"):
        harmonizer(composite, Picture(mask[..., None]), resize_mask=resize)


@settings(max_examples=10)
@given(
    st.sampled_from([np.uint8, np.uint16, np.float32]),
    st.sampled_from([0, 1e-3, 0.999, 1]),
    st.sampled_from(["none", "all", "pixel", "faintest"]),
    st.sampled_from([(1, 1), (1, 300), (300, 1), (2, 3), (33, 65)]),
    st.integers(1, 4),
)
def test_the_extremes_of_pictures_and_masks(harmonizer, dtype, level, foreground, size, channels):
    """Black, white, no foreground, no background, one pixel: the result is a picture of the same kind."""
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    composite = np.full((*size, channels), level * top).astype(dtype)
    mask = np.full(size, foreground == "all", np.float32)
    if foreground in ("pixel", "faintest"):
        mask[-1, -1] = 1 if foreground == "pixel" else 1e-45
    image = harmonizer(Picture(composite), mask).image.pixels
    assert (image.dtype, image.shape) == (composite.dtype, composite.shape)
    assert np.array_equal(image[mask == 0], composite[mask == 0])
    assert np.isfinite(image).all()
    if foreground == "faintest":
        assert np.abs(image.astype(np.float64) - composite).max() < 1e-30


@pytest.mark.parametrize("strength", [math.nan, -1, 1e308, -1e-300, math.inf, 1 + 1e-9])
def test_strengths_that_are_none(harmonizer, strength, tmp_path):
    composite, mask = np.zeros((9, 9, 3), np.uint8), np.eye(9) > 0
    for use in (
        lambda: harmonizer(composite, mask, strength=strength),
        lambda: harmonizer.to_file(composite, mask, tmp_path / "out.png", strength=strength),
        lambda: Lut(np.zeros((2, 2, 2, 3), np.float32)).recolor(composite, strength=strength),
        lambda: Lut(np.zeros((2, 2, 2, 3), np.float32)).weakened(strength),
    ):
        with pytest.raises(cdtnet.CdtnetError, match="between 0 and 1"):
            use()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("half", [False, True])
def test_weights_that_are_no_numbers_are_refused(weights, tmp_path, value, half):
    entries, _ = read_weights_of(weights)
    name = sorted(name for name in entries if entries[name].dtype.kind == "f")[7]
    broken = {**entries, name: entries[name].copy()}
    broken[name].flat[-1] = value
    if half:
        broken = {
            key: part.astype(np.float16) if part.dtype.kind == "f" else part for key, part in broken.items()
        }
    save_file(broken, tmp_path / "broken.safetensors")
    with pytest.raises(WeightsError, match=f"broken.safetensors holds NaN or infinite numbers in {name}"):
        Harmonizer(tmp_path / "broken.safetensors")


@pytest.mark.parametrize("engine", ["openvino", "pytorch"])
def test_weights_that_overflow_are_found_out(weights, tmp_path, engine):
    entries, metadata = read_weights_of(weights)
    huge = dict(entries)
    for name, part in entries.items():
        if name.startswith("refinement.") and part.ndim:
            huge[name] = part * np.float32(1e25)
    save_file(huge, tmp_path / "huge.safetensors", metadata)
    harmonizer = Harmonizer(tmp_path / "huge.safetensors", "cpu", engine=engine)
    with pytest.raises(WeightsError, match="computes NaN or infinite colors"):
        harmonizer(np.full((20, 20, 3), 99, np.uint8), np.eye(20))


def read_weights_of(path):
    with safe_open(path, framework="numpy") as file:
        return read_weights(Path(path))[0], file.metadata()


def profile(gamma, primaries=None):
    """Make an ICC profile with a gamma, rounded as in ICC, by default with sRGB's primaries."""
    columns = primaries or [[0.436, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]]
    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))
    tags = {f"{c}TRC".encode(): curve for c in "rgb"}
    for name, column in zip("rgb", columns, strict=True):
        numbers = [round(65536 * value) for value in column]
        tags[f"{name}XYZ".encode()] = b"XYZ " + bytes(4) + struct.pack(">3i", *numbers)
    place, table, content = 132 + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, place + len(content), len(tag))
        content += tag
    head = bytearray(128)
    struct.pack_into(">I", head, 0, place + len(content))
    head[8:24], head[36:40] = struct.pack(">I4s4s4s", 0x02400000, b"mntr", b"RGB ", b"XYZ "), b"acsp"
    return bytes(head) + struct.pack(">I", len(tags)) + table + content


@pytest.mark.parametrize("gamma", [0.1, 0.5, 1, 2.2, 10, 255])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_extreme_gammas(harmonizer, random, gamma, dtype):
    """Pixels that are not recolored are unchanged, and valid values stay in range, for any curve."""
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    composite = (random.random((40, 50, 3)) * top).astype(dtype)
    composite[:3], composite[3:6] = 0, top
    mask = np.zeros((40, 50), np.uint8)
    mask[2:20, 10:40] = 255
    picture = Picture(composite, Metadata(icc=profile(gamma)))
    assert np.array_equal(harmonizer(picture, mask, strength=0).image.pixels, composite)
    image = harmonizer(picture, mask).image.pixels
    assert np.array_equal(image[mask == 0], composite[mask == 0])
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image.max() <= top
    assert (image != composite).any()


@pytest.mark.parametrize("gamma", [0, 1e-3])
def test_a_curve_that_does_not_rise_is_refused(harmonizer, gamma):
    picture = Picture(np.zeros((5, 5, 3), np.uint8), Metadata(icc=profile(gamma)))
    with pytest.raises(PictureError, match="damaged"):
        harmonizer(picture, np.eye(5))


near = st.lists(st.sampled_from([0, 1 / 65536, -1 / 65536, 0.5, 1, 1000, -32768]), min_size=9, max_size=9)


@settings(max_examples=30)
@given(near, st.sampled_from([0.1, 1, 10]))
def test_primaries_of_any_kind_are_used_or_refused(numbers, gamma):
    icc = profile(gamma, [numbers[:3], numbers[3:6], numbers[6:]])
    tile = np.random.default_rng(0).random((9, 9, 3), dtype=np.float32)
    try:
        codec = color_codec(Picture(tile, Metadata(icc=icc)))
    except PictureError:
        return
    seen = codec.decode(tile)
    moved = codec.encode(tile, seen, np.clip(seen + np.float32(0.1), 0, 1))
    assert np.array_equal(codec.encode(tile, seen, seen), tile)
    assert np.isfinite(seen).all()
    assert np.isfinite(moved).all()


@given(arrays.arrays(np.float64, (4, 3), elements=st.floats()))
def test_tables_take_any_number(values):
    grid = np.linspace(0, 1, 3, dtype=np.float32)
    blue, green, red = np.meshgrid(grid, grid, grid, indexing="ij")
    found = Lut(np.stack([red, green, blue], axis=-1)).apply(values)
    np.testing.assert_allclose(found, np.clip(np.nan_to_num(values, nan=0), 0, 1), atol=1e-6)


def test_a_foreground_of_nan_is_not_pasted():
    cutout = Picture(np.ones((6, 6, 4), np.float32))
    background = Picture(np.full((20, 20, 3), np.nan, np.float32))
    composite, mask = cdtnet.compose(cutout, background)
    assert np.isnan(composite.pixels[mask == 0]).all()
    assert (composite.pixels[mask == 65535] == 1).all()
    holes = replace(cutout, pixels=np.where(np.eye(6)[..., None] > 0, np.float32(np.nan), cutout.pixels))
    with pytest.raises(PictureError, match="foreground holds NaN"):
        cdtnet.compose(holes, background)
