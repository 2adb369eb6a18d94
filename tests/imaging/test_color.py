from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from cdtnet.errors import PictureError
from cdtnet.imaging import Metadata, Picture, color_codec
from cdtnet.imaging.color import ShaperSpace
from cdtnet.imaging.icc import ProfileError, shaper
from cdtnet.imaging.lcms import LibrarySpace

D50 = (0.9642, 1.0, 0.8249)
# Columns are the primaries' D50 XYZ, red first.
ADOBE = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
P3 = [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
SRGB = [[0.436066, 0.385147, 0.143066], [0.222488, 0.716873, 0.060608], [0.013916, 0.097076, 0.714096]]


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def parametric(function: int, *parameters: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", function, 0) + _fixed(*parameters)


def gamma(power: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(power * 256)) + bytes(2)


def sampled(power: float, count: int) -> bytes:
    values = np.rint(np.linspace(0, 1, count) ** power * 65535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", count) + values.tobytes()


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(
    curve: bytes,
    primaries: list[list[float]] | None,
    *,
    space: bytes = b"RGB ",
    tables: dict[bytes, bytes] | None = None,
) -> bytes:
    """Make a small ICC profile, independently of the code under test."""
    text = b"test".decode().encode("utf-16-be")
    words = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {b"desc": words, b"cprt": words, b"wtpt": b"XYZ " + bytes(4) + _fixed(*D50)}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for i, color in enumerate((b"r", b"g", b"b")):
            tags[color + b"XYZ"] = b"XYZ " + bytes(4) + _fixed(*(row[i] for row in primaries))
            tags[color + b"TRC"] = curve
    tags |= tables or {}
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = start + len(body)
    head = struct.pack(
        ">I4sI4s4s4s12s4s", size, b"lcms", 0x04200000, b"mntr", space, b"XYZ ", bytes(12), b"acsp"
    )
    head += bytes(28) + _fixed(*D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


PROFILES = {
    "none": None,
    "adobe": profile(gamma(563 / 256), ADOBE),
    "p3": profile(SRGB_CURVE, P3),
    "sampled": profile(sampled(1.8, 1024), ADOBE),
    "srgb": profile(SRGB_CURVE, SRGB),
}
GRAY_PROFILE = profile(gamma(1.8), None, space=b"GRAY")


def curve(name: str, x: np.ndarray) -> np.ndarray:
    if name in ("p3", "srgb"):
        return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return x ** {"adobe": 563 / 256, "sampled": 1.8}[name]


def uncurve(y: np.ndarray) -> np.ndarray:
    y = np.clip(y, 0, 1)
    return np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("name", ["adobe", "p3", "sampled"])
def test_decoding_follows_the_definition(name):
    values = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)
    primaries = P3 if name == "p3" else ADOBE
    light = curve(name, values.astype(float)) @ (np.linalg.inv(SRGB) @ primaries).T
    found = color_codec(Picture(values, Metadata(icc=PROFILES[name]))).decode(values)
    assert found.dtype == np.float32
    inside = ((light > 0.01) & (light < 1)).all(axis=-1)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(found[inside], uncurve(light)[inside], atol=1e-3)
    assert found.min() == 0
    assert found.max() == 1


@pytest.mark.parametrize("name", ["adobe", "p3", "sampled"])
def test_decoding_agrees_with_littlecms(name):
    values = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(PROFILES[name])), ImageCms.createProfile("sRGB"), "RGB", "RGB", 1
    )
    expected = np.asarray(ImageCms.applyTransform(Image.fromarray(values), transform)).astype(int)
    found = color_codec(Picture(values, Metadata(icc=PROFILES[name]))).decode(values) * 255
    inside = ((expected > 10) & (expected < 255)).all(
        axis=-1
    )  # LittleCMS' own 8-bit steps are coarse in the dark
    assert abs(found - expected)[inside].max() < 1.6
    assert abs(found - expected).mean() < 0.4


@pytest.mark.parametrize("name", ["adobe", "p3"])
def test_both_ways_of_computing_agree(name):
    values = np.random.default_rng(2).random((32, 32, 3), dtype=np.float32)
    mine, library = ShaperSpace(shaper(PROFILES[name])), LibrarySpace(PROFILES[name])
    inside = ((mine.to_srgb(values) > 0.05) & (mine.to_srgb(values) < 1)).all(axis=-1)
    difference = abs(mine.to_srgb(values) - library.to_srgb(values))[inside]
    assert difference.max() < 4 / 255  # at the edge of the gamut, where LittleCMS' 16 bits are coarse
    assert difference.mean() < 0.1 / 255
    np.testing.assert_allclose(mine.from_srgb(values), library.from_srgb(values), atol=1 / 255)


@pytest.mark.parametrize("name", ["adobe", "p3", "sampled"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_color_within_srgb_is_met_exactly(name, dtype):
    """Encoding happens in the native space: decoding an encoded color returns it."""
    scale = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    tile = np.random.default_rng(3).random((32, 32, 3)) * 0.2 + 0.4
    tile = (tile * scale).astype(dtype)
    codec = color_codec(Picture(tile, Metadata(icc=PROFILES[name])))
    before = codec.decode(tile)
    after = np.clip(before * np.float32(0.8) + np.float32(0.1), 0, 1)
    again = codec.decode(codec.encode(tile, before, after))
    np.testing.assert_allclose(again, after, atol=1.5 / 255 if dtype == "uint8" else 2e-4)


tiles = st.sampled_from(["uint8", "uint16", "float32"]).flatmap(
    lambda dtype: st.integers(1, 4).flatmap(
        lambda channels: hnp.arrays(
            dtype,
            (3, 5, channels),
            elements=st.floats(-2, 1000, width=32) if dtype == "float32" else None,
        )
    )
)


@settings(max_examples=150)
@given(tiles, st.sampled_from(sorted(PROFILES)))
def test_what_is_not_recolored_stays_bit_for_bit(tile, name):
    codec = color_codec(Picture(tile, Metadata(icc=PROFILES[name])))
    seen = codec.decode(tile)
    assert seen.shape == (3, 5, 3)
    assert seen.dtype == np.float32
    assert seen.min() >= 0
    assert seen.max() <= 1
    back = codec.encode(tile, seen, seen)
    assert back.dtype == tile.dtype
    np.testing.assert_array_equal(back, tile)
    assert back is not tile


@settings(max_examples=100)
@given(tiles, st.floats(-3, 3, width=32))
def test_encoding_stays_in_range_and_leaves_alpha_alone(tile, shift):
    codec = color_codec(Picture(tile))
    before = codec.decode(tile)
    result = codec.encode(tile, before, before + np.float32(shift))
    colors = 1 if tile.shape[2] < 3 else 3
    np.testing.assert_array_equal(result[..., colors:], tile[..., colors:])
    if tile.dtype == np.float32:
        native = tile[..., :colors]
        assert (result[..., :colors] <= np.maximum(native, 1)).all()
        assert (result[..., :colors] >= np.minimum(native, 0)).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_integers_are_scaled_and_rounded_to_the_nearest(dtype):
    top = np.iinfo(dtype).max
    tile = np.array([[[0, top // 2, top]]], dtype=dtype)
    codec = color_codec(Picture(tile))
    before = codec.decode(tile)
    np.testing.assert_allclose(before, tile / top, atol=1e-7)
    after = np.array([[[10.4 / top, 20.6 / top, -0.5]]], dtype=np.float32)
    assert codec.encode(tile, before, after).tolist() == [[[10, 21, 0]]]
    assert codec.encode(tile, before, after + 2).tolist() == [[[top, top, top]]]


def test_an_srgb_profile_is_plain_scaling(pixels):
    tile = pixels(3)
    tagged, plain = (color_codec(Picture(tile, Metadata(icc=PROFILES[name]))) for name in ("srgb", "none"))
    np.testing.assert_array_equal(tagged.decode(tile), plain.decode(tile))
    pillows = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(
        color_codec(Picture(tile, Metadata(icc=pillows))).decode(tile), tile / np.float32(255)
    )


@pytest.mark.parametrize("channels", [1, 2])
def test_gray_moves_by_luma(channels):
    tile = np.full((2, 2, channels), 100, np.uint8)
    codec = color_codec(Picture(tile))
    before = codec.decode(tile)
    assert (before == np.float32(100 / 255)).all()
    green = before + np.array([0, 20 / 255, 0], np.float32)
    assert codec.encode(tile, before, green)[..., 0].tolist() == [[114, 114]] * 2  # 0.7152 of 20


def test_gray_profiles():
    tile = np.array([[[0.0], [0.5], [1.0]]], dtype=np.float32)
    codec = color_codec(Picture(tile, Metadata(icc=GRAY_PROFILE)))
    before = codec.decode(tile)
    np.testing.assert_allclose(before, np.repeat(uncurve(tile**1.8), 3, axis=-1), atol=1e-3)
    np.testing.assert_array_equal(codec.encode(tile, before, before), tile)
    half = uncurve(np.full((1, 3, 3), 0.3**1.8)).astype(np.float32)
    np.testing.assert_allclose(codec.encode(tile, before, half), 0.3, atol=1e-3)
    rgb = color_codec(Picture(tile, Metadata(icc=PROFILES["adobe"])))  # a gray picture with an RGB profile
    np.testing.assert_allclose(
        rgb.decode(tile), np.repeat(uncurve(tile ** (563 / 256)), 3, axis=-1), atol=1e-3
    )


def table16(matrix: np.ndarray, into: np.ndarray, corners: np.ndarray, out: np.ndarray) -> bytes:
    """Make a lookup table profile: input curves, a cube's corners and output curves, all within 0..1."""
    codes = [np.rint(np.clip(part, 0, 1) * 65535).astype(">u2").tobytes() for part in (into, corners, out)]
    sizes = struct.pack(">HH", len(into), len(out))
    return (
        b"mft2"
        + bytes(4)
        + bytes([3, 3, 2, 0])
        + _fixed(*matrix.flat)
        + sizes
        + codes[0] * 3
        + codes[1]
        + codes[2] * 3
    )


def table_profile() -> bytes:
    """Make a profile of gamma 2 and Display P3's primaries, as lookup tables beside a misleading matrix."""
    x, half = np.linspace(0, 1, 4096), 32768 / 65535  # XYZ are stored at half scale
    cube = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1)
    forward = table16(np.eye(3), x**2, cube @ np.array(P3).T * half, x)
    backward = table16(np.linalg.inv(P3), x, cube, np.sqrt(np.minimum(x / half, 1)))
    return profile(gamma(1), ADOBE, tables={b"A2B0": forward, b"B2A0": backward})


def test_profiles_with_lookup_tables_go_to_littlecms():
    icc = table_profile()
    assert shaper(icc) is None
    values = np.random.default_rng(5).random((32, 32, 3), dtype=np.float32) * np.float32(0.5) + np.float32(
        0.25
    )
    codec = color_codec(Picture(values, Metadata(icc=icc)))
    light = values.astype(float) ** 2 @ (np.linalg.inv(SRGB) @ P3).T
    inside = ((light > 0.05) & (light < 1)).all(axis=-1)
    before = codec.decode(values)
    np.testing.assert_allclose(before[inside], uncurve(light)[inside], atol=2 / 255)
    np.testing.assert_array_equal(codec.encode(values, before, before), values)
    after = np.clip(before * np.float32(0.9) + np.float32(0.02), 0, 1)
    again = codec.decode(codec.encode(values, before, after))
    np.testing.assert_allclose(again[inside], after[inside], atol=2 / 255)


@pytest.mark.parametrize(
    ("icc", "words"),
    [
        (b"", "is damaged"),
        (b"junk" * 100, "not have|is damaged"),
        (PROFILES["p3"][:200], "is damaged"),
        (PROFILES["p3"][:16] + b"CMYK" + PROFILES["p3"][20:], "is for CMYK pixels"),
        (GRAY_PROFILE, "is for GRAY pixels"),
        (profile(gamma(1), P3, tables={b"A2B0": b"junk" * 9}), "LittleCMS cannot use it"),
        (profile(sampled(1.8, 9)[:20], P3), "tone curve is truncated"),
        (profile(parametric(9, 1), P3), "unknown function"),
        (profile(b"junk" * 4, P3), "unknown type"),
        (profile(SRGB_CURVE, [[0.0] * 3] * 3), "is damaged"),
        (profile(parametric(0, -1), P3), "not increasing"),
    ],
)
def test_unusable_profiles_are_refused(icc, words):
    with pytest.raises(PictureError, match=words):
        color_codec(Picture(np.zeros((2, 2, 3), np.uint8), Metadata(icc=icc)))


@given(st.data())
def test_damaged_profiles_raise_only_one_error(data):
    icc = bytearray(PROFILES[data.draw(st.sampled_from(["p3", "sampled"]))][:700])
    for _ in range(data.draw(st.integers(1, 6))):
        icc[data.draw(st.integers(16, len(icc) - 1))] = data.draw(st.integers(0, 255))
    try:
        space = shaper(bytes(icc))
    except ProfileError:
        return
    assert space is None or np.isfinite(space.linear(np.ones((1, 1, len(space.curves)), np.float32))).all()


@pytest.mark.parametrize("function", range(5))
def test_parametric_curves(function):
    g, a, b, c, d, e, f = 2.0, 0.9, 0.1, 0.2, 0.25, 0.05, 0.01
    x = np.linspace(0, 1, 11)
    expected = [
        x**g,
        (a * x + b) ** g,
        (a * x + b) ** g + c,
        np.where(x >= d, (a * x + b) ** g, c * x),
        np.where(x >= d, (a * x + b) ** g + e, c * x + f),
    ][function]
    parameters = [(g,), (g, a, b), (g, a, b, c), (g, a, b, c, d), (g, a, b, c, d, e, f)][function]
    space = shaper(profile(parametric(function, *parameters), P3))
    found = space.linear(np.repeat(x[:, None], 3, axis=1).astype(np.float32))
    np.testing.assert_allclose(found[:, 0], np.clip(expected, 0, 1), atol=1e-4)


def test_threads_share_a_codec(pixels):
    tile = pixels(3, "uint8", 64, 64)
    floats, library = tile / np.float32(255), LibrarySpace(PROFILES["p3"])
    codec = color_codec(Picture(floats, Metadata(icc=PROFILES["p3"])))
    for decode in (codec.decode, library.to_srgb):
        expected = decode(floats)
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(decode, [floats] * 16):
                np.testing.assert_array_equal(found, expected)
