import pytest
import torch

from cdtnet.composites.degradation import compress, grain, misjudge
from cdtnet.composites.recolor import RandomNumbers


def random(batch, seed=0):
    return RandomNumbers(batch, torch.Generator().manual_seed(seed))


def disc(batch, size=128, radius=0.5):
    line = torch.linspace(-1, 1, size)
    return (line[:, None] ** 2 + line**2 < radius**2).float().expand(batch, 1, -1, -1)


@pytest.mark.parametrize("wear", [grain, compress])
def test_wear_changes_texture_and_leaves_the_mean_color(wear):
    smooth = torch.nn.functional.interpolate(
        torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(1)), size=64, mode="bilinear"
    )
    picture = 0.25 + 0.5 * smooth
    worn = wear(picture, random(8))
    assert worn.shape == picture.shape
    assert worn.dtype == picture.dtype
    assert worn.min() >= 0
    assert worn.max() <= 1
    assert (worn - picture).mean((2, 3)).abs().max() < 0.01
    assert (worn - picture).std((2, 3)).min() > 0.002
    assert torch.equal(worn, wear(picture, random(8)))


def test_grain_is_finer_or_coarser_and_stronger_or_weaker():
    noise = grain(torch.full((32, 3, 64, 64), 0.5), random(32)) - 0.5
    strength = noise.std((1, 2, 3))
    assert strength.max() > 3 * strength.min()
    alike = (noise[..., 1:] * noise[..., :-1]).mean((1, 2, 3)) / noise.square().mean((1, 2, 3))
    assert ((alike < 0.1) | (alike > 0.5)).all()  # of neighboring pixels
    assert 4 < (alike > 0.5).sum() < 28


def test_jpeg_artifacts_come_in_blocks():
    line = torch.linspace(0, 1, 64)
    picture = (0.3 + 0.3 * line[:, None] * line).expand(8, 3, -1, -1)
    steps = compress(picture, random(8)).mean(1).diff(dim=2).abs().mean((0, 1))
    at_edges, inside = steps[7::8].mean(), steps[torch.arange(63) % 8 != 7].mean()
    assert at_edges > 1.5 * inside


def test_a_misjudged_mask_is_wrong_near_its_edge_alone():
    mask = disc(32)
    drawn = misjudge(mask, random(32))
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    # off by up to a twenty-fifth of the side, 0.08 of a radius of 1, after as much of a shift and two blurs
    assert torch.equal(drawn * disc(32, radius=0.16), disc(32, radius=0.16))
    assert (drawn * (1 - disc(32, radius=0.84)) == 0).all()
    change = (drawn - mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
    assert change.max() > 0.02
    assert change.min() < -0.02
    assert ((drawn > 0.02) & (drawn < 0.98)).any()


def test_a_mask_too_thin_to_be_misjudged_stays():
    thin = torch.zeros(4, 1, 200, 200)
    thin[..., 100, 20:180] = 1
    drawn = misjudge(thin, random(4))
    assert (drawn.sum((1, 2, 3)) > 0.5 * thin.sum((1, 2, 3))).all()
