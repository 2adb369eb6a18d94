"""A frame is moved by what its RGB picture changed by; FFmpeg's own conversion is the judge."""

import av
import numpy as np
import pytest

from cdtnet import PictureError
from cdtnet.imaging.depth import full_scale
from cdtnet.imaging.geometry import Window
from cdtnet.video.frames import bits_of, cropped, move, planar, to_matte, to_picture

AREA = Window(17, 33, 47, 67)
LAYOUTS = (
    "yuv420p",
    "yuv422p10le",
    "yuv444p12le",
    "yuvj420p",
    "gbrp",
    "nv12",
    "rgba",
    "yuva444p10le",
    "bgr0",
)


def frame_of(pixels, layout, colorspace=1, color_range=1):
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
    frame = frame.reformat(format=layout, dst_colorspace=colorspace, dst_color_range=color_range)
    frame.color_range = color_range
    return planar(frame)


def values(frame):
    kind = np.uint8 if bits_of(frame.format) <= 8 else np.uint16
    return [np.frombuffer(plane, kind).reshape(plane.height, -1).copy() for plane in frame.planes]


@pytest.mark.parametrize(("colorspace", "color_range"), [(1, 1), (5, 1), (9, 2)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_change_is_carried_over_and_the_rest_stays_bit_for_bit(random, layout, colorspace, color_range):
    pixels = np.kron(random.integers(60, 200, (8, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frame = frame_of(pixels, layout, colorspace, color_range)
    before, planes = to_picture(frame).pixels, values(frame)
    after, top = before.copy(), full_scale(before.dtype)
    after[AREA.slices] = np.clip(before[AREA.slices] * np.array([0.8, 0.9, 1.1]), 0, top)
    area = Window(16, 32, 48, 80)
    move(frame, before[area.slices], after[area.slices], area)
    found = to_picture(frame).pixels
    inside = Window(20, 36, 44, 64).slices
    assert np.abs(found[inside] / top - after[inside] / top).max() < 4 / 255
    assert np.abs(before[inside] / top - after[inside] / top).max() > 10 / 255
    for old, new, plane in zip(planes, values(frame), frame.planes, strict=True):
        kept = np.ones(old.shape, bool)
        down, across = frame.height // plane.height, frame.width // plane.width
        kept[AREA.top // down : -(-AREA.bottom // down), AREA.left // across : -(-AREA.right // across)] = (
            False
        )
        assert np.array_equal(old[kept], new[kept])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(72, 96), (71, 89), (720, 96)])
def test_a_window_is_converted_as_the_whole_frame_is(random, layout, size):
    y, x = np.mgrid[: size[0], : size[1]]
    pixels = np.stack([y % 200 + 30, 2 * x % 200, x + 40], -1).astype(np.uint8)
    frame = frame_of(pixels, layout, color_range=1)
    if layout.startswith("yuv"):
        frame.colorspace = 2  # not said; what is meant depends on the height
    whole = to_picture(frame).pixels
    for window in (Window(16, 32, 64, 80), Window(32, 0, *size), Window(0, 16, size[0], 48)):
        part = to_picture(cropped(frame, window)).pixels
        assert part.shape[:2] == window.size
        difference = np.abs(part.astype(int) - whole[window.slices])[4:-4, 4:-4] / full_scale(whole.dtype)
        is_odd = any(side % 2 for side in size)  # FFmpeg interpolates the chroma of odd frames otherwise
        assert difference.mean() < 3 / 255 if is_odd else difference.max() == 0


@pytest.mark.parametrize("size", [(41, 57), (64, 96), (1, 1)])
def test_sides_may_be_odd(random, size):
    frame = frame_of(random.integers(0, 256, (*size, 3), dtype=np.uint8), "yuv420p")
    before = to_picture(frame).pixels
    after = np.clip(before.astype(int) + 20, 0, 255).astype(np.uint8)
    move(frame, before, after, Window(0, 0, *size))
    assert to_picture(frame).pixels.mean() > before.mean() + 5


@pytest.mark.parametrize("layout", ["yuv420p", "yuvj420p", "gray", "gbrp", "yuv420p10le"])
def test_white_of_a_matte_is_full_coverage_whatever_the_range(layout):
    white, black = (np.full((16, 16, 3), level, np.uint8) for level in (255, 0))
    color_range = 2 if layout in ("yuvj420p", "gray", "gbrp") else 1
    mattes = [to_matte(frame_of(pixels, layout, 1, color_range)) for pixels in (white, black)]
    assert mattes[0].min() >= 0.996 * full_scale(mattes[0].dtype)
    assert mattes[1].max() <= 0.004 * full_scale(mattes[1].dtype)


def test_a_matrix_that_is_unknown_is_refused():
    frame = frame_of(np.zeros((16, 16, 3), np.uint8), "yuv420p")
    frame.colorspace = 14
    with pytest.raises(PictureError, match="matrix 14"):
        planar(frame)
