from dataclasses import replace

import numpy as np
import pytest
import torch

from cdtnet.composites.recolor import RandomNumbers, retouch, transfer
from cdtnet.composites.synthesis import FMSE_LIMIT
from cdtnet.evaluation.metrics import fmse
from cdtnet.imaging.geometry import Window
from cdtnet.synthesize import recoloring
from cdtnet.synthesize.recoloring import FMSE_FLOOR, draw, generated_mask

from .conftest import draw_mask, draw_photo


@pytest.fixture
def photo():
    return np.asarray(draw_photo(3))


@pytest.fixture
def mask():
    return np.asarray(draw_mask(3))


@pytest.fixture
def donor():
    return np.asarray(draw_photo(9, (40, 30))), np.asarray(draw_mask(9, (40, 30)))


def tensor(pixels):
    return torch.from_numpy(pixels.copy()).reshape(*pixels.shape[:2], -1).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_tiles_equal_the_whole(photo, mask, donor, given, seed, monkeypatch):
    drawn = draw(photo, mask, donor if given else None, seed, "x", 1, 1)
    whole = drawn.apply(photo, mask)
    monkeypatch.setattr(recoloring, "TILE", 17)
    assert np.abs(drawn.apply(photo, mask).astype(int) - whole).max() <= 1
    assert np.array_equal(whole[mask == 0], photo[mask == 0])
    assert drawn.method.startswith("transfer" if given else "retouch")


def test_transfer_is_that_of_training(photo, mask, donor):
    """The photo is as small as the reduced copies, so both have the same colors."""
    drawn = draw(photo, mask, donor, 1, "x")
    random = RandomNumbers(1, torch.Generator().manual_seed(drawn.seed))
    expected = transfer(tensor(photo), tensor(mask), tensor(donor[0]), tensor(donor[1]), random)
    ours = replace(drawn, light=None, amount=1.0).change(tensor(photo), Window(0, 0, 60, 90), (60, 90))
    assert torch.allclose(ours, expected - tensor(photo), atol=1e-5)


def test_retouching_is_that_of_training(photo, mask):
    drawn = draw(photo, mask, None, 1, "x")
    expected = retouch(tensor(photo), RandomNumbers(1, torch.Generator().manual_seed(drawn.seed)))
    ours = replace(drawn, light=None, amount=1.0).change(tensor(photo), Window(0, 0, 60, 90), (60, 90))
    assert torch.allclose(ours, expected - tensor(photo), atol=1e-6)


def test_every_composite_shows_and_none_is_beyond_recognition(photo, mask, donor):
    methods = set()
    for seed in range(60):
        drawn = draw(photo, mask, donor if seed % 3 == 0 else None, seed, "x")
        methods.add(drawn.method)
        error = fmse(drawn.apply(photo, mask), photo, mask / 255)
        assert FMSE_FLOOR * 0.9 < error < FMSE_LIMIT * 1.05
    assert methods == {"transfer", "retouch", "transfer+light", "retouch+light"}


def test_light_changes_over_the_picture(mask):
    gray = np.full((60, 90, 3), 128, np.uint8)
    lit = next(drawn for seed in range(50) if (drawn := draw(gray, mask, None, seed)).light is not None)
    change = lit.apply(gray, mask)[mask > 0].astype(int)
    assert change.std(axis=0).max() > 1


def test_generated_masks_are_as_large_as_the_photo_with_sharp_edges():
    photo = np.asarray(draw_photo(4, (900, 600)))
    masks = [generated_mask(photo, seed) for seed in range(8)]
    for mask in masks:
        assert mask.shape == (600, 900)
        assert 0.005 < (mask > 127).mean() < 0.62
        assert ((mask > 25) & (mask < 230)).mean() < 0.02
    assert not np.array_equal(masks[0], masks[1])
    assert np.array_equal(masks[0], generated_mask(photo, 0))
