import dataclasses

import pytest
import torch

from cdtnet.composites import synthesis
from cdtnet.composites.masks import generate_masks
from cdtnet.composites.photos import find_photos, load_photos
from cdtnet.composites.recolor import RandomNumbers, bleach, darken, relight, retouch, transfer
from cdtnet.composites.synthesis import FMSE_LIMIT, Triplet, choose, draw, recolor, synthesize


@pytest.fixture(scope="module")
def store(photo_folder):
    return load_photos(find_photos(photo_folder / "mid", photo_folder / "masks"), 60)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_triplets_are_alike_outside_the_mask_and_differ_within(store):
    random = generator()
    composite, mask, real = synthesize(store, choose(store, 64, random), 48, random)
    assert composite.shape == real.shape == (64, 3, 48, 48)
    assert mask.shape == (64, 1, 48, 48)
    for tensor in (composite, mask, real):
        assert tensor.min() >= 0
        assert tensor.max() <= 1
    outside = (mask == 0).expand_as(real)
    assert torch.equal(composite[outside], real[outside])
    difference = ((composite - real) ** 2 * mask).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3)))
    assert (difference > 1e-5).float().mean() > 0.85
    assert (difference == 0).any()  # some need no change: the network must learn to leave them
    assert 255**2 * difference.max() <= FMSE_LIMIT * 1.01


@pytest.fixture
def made(monkeypatch):
    """The triplets of `draw` before they are degraded; none has a moved object."""
    triplets = []

    def note(*arguments, **options):
        triplet = synthesize(*arguments, **options)
        triplets.append(Triplet(*(tensor.clone() for tensor in triplet)))
        return triplet

    monkeypatch.setattr(synthesis, "MOVED", 0)
    monkeypatch.setattr(synthesis, "synthesize", note)
    return triplets


def test_some_composites_are_nearly_right_and_many_masks_are_wrong(store, made, monkeypatch):
    monkeypatch.setattr(synthesis, "compress", lambda rgb, *_, **__: rgb)
    drawn = draw(store, 64, 48, generator())
    (right,) = made
    kept = (drawn.mask > 0).expand_as(drawn.real)
    assert torch.allclose(drawn.real[kept], right.real[kept], atol=1e-6)
    assert torch.equal(drawn.real[~kept], drawn.composite[~kept])  # nothing can be mended there
    before, after = ((each.composite - right.real).flatten(1) for each in (right, drawn))
    milder = (before != after).any(1)
    assert 1 <= milder.sum() < 24
    share = (after * before).sum(1)[milder] / (before**2).sum(1)[milder]
    assert share.min() >= 0
    assert share.max() <= 0.601
    assert (after[milder] - share[:, None] * before[milder]).abs().max() < 1e-5
    wrong = (drawn.mask != right.mask).flatten(1).any(1)
    assert 24 <= wrong.sum() < 48


def test_a_finished_composite_that_is_compressed_is_to_be_mended_in_its_colors_alone(
    store, made, monkeypatch
):
    monkeypatch.setattr(synthesis, "MISJUDGED", 0)
    monkeypatch.setattr(synthesis, "compress", lambda rgb, *_, **__: rgb + 0.001)
    drawn = draw(store, 64, 48, generator())
    (right,) = made
    kept = (drawn.mask > 0).expand_as(drawn.real)
    expected = torch.where(kept & (right.real < 0.99), drawn.real - right.real, 0)
    coded = expected.flatten(1).amax(1) > 0
    assert 1 <= coded.sum() < 24
    assert ((expected - 0.001).abs()[coded][(kept & (right.real < 0.99))[coded]] < 1e-5).all()
    plain = ~coded
    assert torch.equal(drawn.real[plain][kept[plain]], right.real[plain][kept[plain]])


def test_most_triplets_are_of_moved_objects(store, monkeypatch):
    counts = []
    for name in ("synthesize", "synthesize_moved"):
        make = getattr(synthesis, name)

        def note(store, photo, *rest, make=make, **options):
            counts.append(len(photo))
            return make(store, photo, *rest, **options)

        monkeypatch.setattr(synthesis, name, note)
    composite, mask, _ = draw(store, 64, 48, generator())
    moved, recolored = counts
    assert len(composite) == len(mask) == moved + recolored == 64
    assert moved > recolored > 8


def test_pictures_much_smaller_than_the_store_are_crisp_or_filtered(photo_folder):
    large = load_photos(find_photos(photo_folder / "mid", photo_folder / "masks"), 240)
    stripes = torch.tensor([0, 255], dtype=torch.uint8).repeat(120).expand_as(large.images)
    large = dataclasses.replace(large, images=stripes)
    contrast = torch.stack([draw(large, 4, 40, generator(seed)).real.std() for seed in range(12)])
    assert 2 < (contrast > 0.2).sum() < 10


def test_the_same_seed_draws_the_same_triplets(store):
    for first, second in zip(draw(store, 8, 32, generator(5)), draw(store, 8, 32, generator(5)), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(draw(store, 8, 32, generator(5)).real, draw(store, 8, 32, generator(6)).real)


def test_composites_too_far_from_the_photo_are_drawn_back():
    real = torch.zeros(16, 3, 20, 20)
    real[:8] = 1.0  # whatever is done to black and white mixed is large
    mask = torch.ones(16, 1, 20, 20)
    for seed in range(5):
        difference = recolor(real, mask, generator(seed)) - real
        assert 255**2 * (difference**2).mean((1, 2, 3)).max() <= FMSE_LIMIT * 1.01


def test_color_transfer_moves_statistics_towards_another_photo():
    torch.manual_seed(0)
    dark, bright = 0.2 + 0.05 * torch.rand(1, 3, 24, 24), 0.7 + 0.05 * torch.rand(1, 3, 24, 24)
    mask = torch.ones(1, 1, 24, 24)
    brighter = transfer(dark, mask, bright, mask, RandomNumbers(1, generator()))
    darker = transfer(bright, mask, dark, mask, RandomNumbers(1, generator()))
    assert brighter.mean() > dark.mean() + 0.05
    assert darker.mean() < bright.mean() - 0.05


@pytest.mark.parametrize("family", [retouch, relight, darken])
def test_changes_are_drawn_per_picture_and_stay_in_range(family):
    picture = torch.rand(1, 3, 32, 32, generator=generator()).expand(12, -1, -1, -1)
    changed = family(picture, RandomNumbers(12, generator(1)))
    assert changed.min() >= 0
    assert changed.max() <= 1
    means = changed.mean((2, 3))
    assert (means[1:] - means[:-1]).abs().amax(1).min() > 1e-4


def test_night_is_darker_and_black_and_white_has_no_color_but_one_tone():
    picture = torch.rand(64, 3, 16, 16, generator=generator())
    night = darken(picture, RandomNumbers(64, generator()))
    assert (night.mean((1, 2, 3)) < picture.mean((1, 2, 3)) - 0.1).all()
    gray = bleach(picture, RandomNumbers(64, generator()))
    assert gray.min() >= 0
    assert gray.max() <= 1
    spread = (gray.amax(1) - gray.amin(1)).amax((1, 2))
    assert 10 < (spread < 1e-3).sum() < 54
    assert spread.max() < 0.4


def test_the_foreground_may_come_from_another_version_of_the_photo():
    real, taken = torch.full((64, 3, 12, 12), 0.2), torch.full((64, 3, 12, 12), 0.8)
    mask = torch.zeros(64, 1, 12, 12)
    mask[..., 3:9, 3:9] = 1
    foreground = recolor(real, mask, generator(), taken)[..., 3:9, 3:9].mean((1, 2, 3))
    unchanged = (foreground - 0.2).abs() < 1e-5
    assert 1 <= unchanged.sum() < 12  # those that need no change still need none
    assert (foreground[~unchanged] > 0.25).float().mean() > 0.9


def test_no_strength_is_no_retouching_but_rounding():
    picture = torch.rand(4, 3, 16, 16, generator=generator())
    assert (retouch(picture, RandomNumbers(4, generator()), strength=0.0) - picture).abs().max() < 1e-3


def test_generated_masks_have_soft_edges_and_moderate_areas(store):
    lab = torch.rand(64, 3, 40, 40, generator=generator())
    masks = generate_masks(lab, generator(3))
    area = masks.mean((1, 2, 3))
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert area.max() < 0.62
    assert area.min() > 0.001
    assert ((masks > 0.02) & (masks < 0.98)).any()
