from functools import partial

import numpy as np
import pytest
from PIL import Image

from cdtnet.datasets.tree import Entry
from cdtnet.datasets.tree import Folder as Tree
from cdtnet.errors import DataError
from cdtnet.synthesize.instances import Instance, file_mask
from cdtnet.synthesize.paste import Cut, cut_out, place

from .conftest import draw_photo, save


def instance(folder, mask):
    tree = Tree(folder)
    save(draw_photo(0), folder / "photo.png")
    save(Image.fromarray(mask), folder / "mask.png")
    return Instance(Entry(tree, "photo.png"), "thing", partial(file_mask, Entry(tree, "mask.png")))


def rectangle(top, left, bottom, right):
    mask = np.zeros((60, 90), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def test_objects_are_cut_out_with_a_little_around(tmp_path):
    cut = cut_out(instance(tmp_path, rectangle(20, 30, 50, 60)))
    assert cut.mask.shape == cut.pixels.shape[:2] == (34, 34)
    assert np.array_equal(cut.pixels, np.asarray(draw_photo(0))[18:52, 28:62])
    assert cut.height == 35 / 60


@pytest.mark.parametrize(
    "box", [(0, 30, 40, 60), (20, 1, 50, 60), (20, 30, 60, 60), (20, 30, 50, 89), (20, 30, 30, 60)]
)
def test_objects_at_the_border_and_tiny_ones_are_not(tmp_path, box):
    assert cut_out(instance(tmp_path, rectangle(*box))) is None


def test_damage_names_the_object_and_its_photo(tmp_path):
    with pytest.raises(
        DataError, match=r"object thing of .*photo\.png is skipped: The mask .*mask\.png has no"
    ):
        cut_out(instance(tmp_path, rectangle(0, 0, 0, 0)))


def test_places_are_within_reason():
    cut = Cut(np.zeros((300, 200, 3), np.uint8), np.pad(np.full((296, 196), 255, np.uint8), 2), 0.7)
    shares, middles = [], []
    for seed in range(60):
        pixels, mask, window = place(cut, (600, 900), np.random.default_rng(seed))
        rows, columns = window.bottom - window.top, window.right - window.left
        assert pixels.shape == (rows, columns, 3)
        assert mask.shape == (rows, columns)
        assert 0 <= window.top < window.bottom <= 600
        assert 0 <= window.left < window.right <= 900
        shares.append((mask > 127).sum() / (600 * 900))
        middles.append((window.top + window.bottom) / 2 / 600)
    assert 0.015 < min(shares) < 0.04
    assert 0.1 < max(shares) < 0.31
    assert 0.5 < np.mean(middles) < 0.75


def test_what_would_be_too_small_is_not_placed():
    cut = Cut(np.zeros((30, 20, 3), np.uint8), np.full((30, 20), 255, np.uint8), 0.5)
    assert place(cut, (2000, 3000), np.random.default_rng(0)) is None
    assert place(None, (2000, 3000), np.random.default_rng(0)) is None
