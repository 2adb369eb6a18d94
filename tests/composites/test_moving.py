"""Objects moved within their photograph: only the recoloring has to be corrected."""

import pytest
import torch

from cdtnet.composites import synthesis
from cdtnet.composites.moving import move, repaint, spread
from cdtnet.composites.photos import find_photos, load_photos
from cdtnet.composites.recolor import RandomNumbers
from cdtnet.composites.synthesis import choose, draw, synthesize_moved


@pytest.fixture(scope="module")
def store(photo_folder):
    return load_photos(find_photos(photo_folder / "mid", photo_folder / "masks"), 60)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random(batch, seed=0):
    return RandomNumbers(batch, generator(seed))


def noise(batch, channels=3, size=64, seed=0):
    return torch.rand(batch, channels, size, size, generator=generator(seed))


def disc(batch, size=64, radius=0.5):
    line = (torch.arange(size) + 0.5) / size * 2 - 1
    return (line[:, None] ** 2 + line**2 < radius**2).float().expand(batch, 1, -1, -1).clone()


def test_a_moved_object_has_its_colors_on_the_new_place_and_nothing_else_changes():
    color = torch.tensor([0.9, 0.2, 0.1]).view(1, 3, 1, 1)
    background = noise(32)
    mask = disc(32)
    pasted, alpha = move(
        torch.lerp(noise(32, seed=1), color.expand(32, -1, 64, 64), mask), mask, background, random(32)
    )
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    outside = (alpha == 0).expand_as(pasted)
    assert torch.equal(pasted[outside], background[outside])
    solid = -torch.nn.functional.max_pool2d(-alpha, 5, stride=1, padding=2) == 1
    assert solid.any()
    assert torch.allclose(pasted.permute(1, 0, 2, 3)[:, solid[:, 0]], color.view(3, 1), atol=1e-5)
    y, x = torch.meshgrid(*[torch.arange(64.0)] * 2, indexing="ij")
    middles = torch.stack([(alpha[:, 0] * axis).sum((1, 2)) / alpha.sum((1, 2, 3)) for axis in (y, x)])
    assert (middles - 31.5).abs().amax(0).median() > 3  # elsewhere
    assert (alpha.sum((1, 2, 3)) / mask.sum((1, 2, 3)) - 1).abs().median() > 0.1  # of another size
    assert torch.equal(
        pasted,
        move(torch.lerp(noise(32, seed=1), color.expand(32, -1, 64, 64), mask), mask, background, random(32))[
            0
        ],
    )


def test_spreading_leaves_the_inside_alone_and_takes_the_old_background_off_the_edge():
    mask = disc(2)
    mask[1] = torch.nn.functional.avg_pool2d(mask[1:], 3, stride=1, padding=1)[0]
    rgb = torch.lerp(torch.ones(2, 3, 64, 64), torch.full((2, 3, 64, 64), 0.2), mask)
    wide = spread(rgb, mask)
    inner = -torch.nn.functional.max_pool2d(-mask, 3, stride=1, padding=1)
    inside = (inner == 1).expand_as(rgb)
    assert torch.equal(wide[inside], rgb[inside])
    edge = ((mask > 0) & (inner < 1)).expand_as(rgb)
    assert (rgb[edge] > 0.8).any()  # where the background shone through
    assert (wide[edge] - 0.2).mean() < 0.3 * (rgb[edge] - 0.2).mean()
    assert torch.allclose(wide[:1][edge[:1]], torch.tensor(0.2))
    far = torch.nn.functional.max_pool2d(mask, 9, stride=1, padding=4) == 0
    assert torch.equal(wide[far.expand_as(rgb)], rgb[far.expand_as(rgb)])


def test_the_truth_is_the_pasted_original_everywhere_but_in_the_foreground(store):
    random = generator()
    composite, mask, real = synthesize_moved(store, choose(store, 64, random), 48, random)
    for tensor in (composite, mask, real):
        assert tensor.min() >= 0
        assert tensor.max() <= 1
    difference = (composite - real).abs().amax(1, keepdim=True)
    assert difference[mask == 0].max() < 1e-6
    assert (difference.amax((1, 2, 3)) > 0.02).float().mean() > 0.6
    assert (difference.amax((1, 2, 3)) == 0).any()  # nothing wrong, and no seam that says so


def test_nothing_but_the_recoloring_is_to_be_undone(store, monkeypatch):
    monkeypatch.setattr(synthesis, "recolor", lambda real, *_, **__: real)
    random = generator(3)
    composite, _, real = synthesize_moved(store, choose(store, 64, random), 48, random)
    assert (composite - real).abs().max() < 1e-6


def test_what_is_painted_gray_or_vivid_stays_within_the_mask():
    rgb, mask = noise(32), disc(32)
    painted = repaint(rgb, mask, random(32))
    outside = (mask == 0).expand_as(rgb)
    assert torch.equal(painted[outside], rgb[outside])
    assert painted.min() >= 0
    assert painted.max() <= 1
    inside = painted.permute(0, 2, 3, 1)[mask[:, 0] > 0].view(32, -1, 3)
    before = rgb.permute(0, 2, 3, 1)[mask[:, 0] > 0].view(32, -1, 3)
    spans = (inside.amax(2) - inside.amin(2)).mean(1), (before.amax(2) - before.amin(2)).mean(1)
    grayer = spans[0] < 0.5 * spans[1]
    assert 8 < grayer.sum() < 24


def test_drawn_triplets_leave_what_the_mask_leaves_out_as_it_is(store):
    composite, mask, real = draw(store, 64, 48, generator())
    black = (mask == 0).expand_as(real)
    assert torch.equal(real[black], composite[black])
    assert black.any()
    assert (real != composite).any()
