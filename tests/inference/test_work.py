"""The amount of work, counted, which is the same on all machines, unlike time."""

import tracemalloc

import numpy as np
import pytest

from cdtnet.engines.openvino import OpenVinoEngine
from cdtnet.engines.quiet import ov
from cdtnet.imaging import ColorCodec, Picture, color_codec
from cdtnet.imaging.geometry import Window
from cdtnet.imaging.resizing import shrink
from cdtnet.inference.harmonizer import Harmonizer
from cdtnet.weights import load_weights

HEIGHT, WIDTH = 4000, 6000
SHARE = 0.086  # the median of HAdobe5k

pytestmark = pytest.mark.filterwarnings("ignore:The mask")


@pytest.fixture(scope="module")
def composite():
    return np.broadcast_to(np.arange(WIDTH, dtype=np.uint8)[:, None], (HEIGHT, WIDTH, 3))


@pytest.fixture
def harmonizer(weights):
    return Harmonizer(weights, "cpu", engine="openvino")


@pytest.fixture
def rendered(harmonizer, monkeypatch):
    """Return the rendered windows, halo included, of an engine that returns the composite."""
    windows = []

    def render(analysis, tile, precision):
        windows.append(tile.window)
        return tile.composite

    monkeypatch.setattr(harmonizer.engine, "render", render)
    return windows


def disk(share):
    rows, columns = np.ogrid[-HEIGHT // 2 : HEIGHT // 2, -WIDTH // 2 : WIDTH // 2]
    return rows**2 + columns**2 <= share * HEIGHT * WIDTH / np.pi


def dots():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[100::1000, 100::1000] = True
    return mask


def area(windows):
    return sum((w.bottom - w.top) * (w.right - w.left) for w in windows)


@pytest.mark.parametrize(("share", "most"), [(SHARE, 1.2), (2.0, 1.08)], ids=["disk", "everything"])
def test_pixels_rendered_for_each_that_the_mask_touches(harmonizer, rendered, composite, share, most):
    mask = disk(share)
    harmonizer(composite, mask)
    assert 1 <= area(rendered) / np.count_nonzero(mask) <= most


def test_scattered_dots_cost_a_little_square_each(harmonizer, rendered, composite):
    mask = dots()
    harmonizer(composite, mask)
    assert len(rendered) == np.count_nonzero(mask)
    assert area(rendered) <= len(rendered) * 40**2


def test_what_is_not_touched_is_not_rendered(harmonizer, rendered, composite):
    mask = disk(SHARE) & ~disk(0.3 * SHARE)
    harmonizer(composite, mask)
    assert all(mask[window.slices].any() for window in rendered)


def test_no_graph_is_compiled_twice_whatever_the_sizes(harmonizer, weights, monkeypatch):
    harmonizer.engine = OpenVinoEngine(load_weights(weights))  # which no other test has used
    compiled, compile_model = [], ov.Core.compile_model
    monkeypatch.setattr(
        ov.Core, "compile_model", lambda *args: compiled.append(args[1].get_name()) or compile_model(*args)
    )
    for size in ((300, 400), (401, 77), (64, 64), (640, 257)):
        harmonizer(np.zeros((*size, 3), np.uint8), np.ones(size, bool))
    assert len(compiled) == len(set(compiled)) == 4  # generator, color mapping, look-up, refinement


@pytest.mark.parametrize("antialias", [False, True])
def test_no_row_is_decoded_twice_to_be_analysed(monkeypatch, composite, antialias):
    rows, decode = [], ColorCodec.decode
    monkeypatch.setattr(ColorCodec, "decode", lambda self, tile: rows.append(len(tile)) or decode(self, tile))
    picture, mask = Picture(composite), np.zeros((HEIGHT, WIDTH), np.uint8)
    frame = Window(0, 0, HEIGHT, WIDTH)
    shrink(picture, mask, frame, color_codec(picture), 64, 8, antialias=antialias)
    assert 0 < sum(rows) <= HEIGHT


def test_the_picture_is_copied_once(harmonizer, rendered, composite):
    picture, mask = composite.copy(), disk(SHARE)
    harmonizer(picture[:300, :300], np.ones((300, 300), bool))  # whatever is made only once
    tracemalloc.start()
    try:
        harmonizer(picture, mask)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1.7 * picture.nbytes  # the result, a third for the mask in levels, and tiles
