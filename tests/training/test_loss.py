import pytest
import torch

from cdtnet.composites.synthesis import Triplet
from cdtnet.imaging.geometry import Window
from cdtnet.model import CDTNet, Config
from cdtnet.training.loss import Objective, foreground_mse, roughness


def test_loss_of_a_known_error():
    target = torch.zeros(2, 3, 10, 10)
    prediction = target + 0.5
    prediction[1] = 0.0
    # picture 1: 300·0.25 / (3·25) = 1; picture 2: 0
    assert foreground_mse(prediction, target, torch.tensor([0.25, 0.5])).item() == pytest.approx(0.5)
    # counted as half of the picture: 300·0.25 / (3·50)
    assert foreground_mse(prediction, target, torch.tensor([0.25, 0.5]), 0.5).item() == pytest.approx(0.25)


def test_linear_tables_are_not_rough():
    line = torch.linspace(0, 1, 33)
    linear = torch.stack(torch.meshgrid(line, line, line, indexing="ij"))[None]
    assert roughness(linear) < 1e-12
    bump = linear.clone()
    bump[0, 0, 10, 10, 10] += 1.0
    # a unit bump gives second differences 1, -2, 1 along each axis, among 3·31·33·33 of them
    assert roughness(bump).item() == pytest.approx(3 * 6 / (3 * 31 * 33 * 33), rel=1e-3)


@pytest.fixture
def triplet() -> Triplet:
    generator = torch.Generator().manual_seed(0)
    composite, real = (torch.rand(2, 3, 32, 32, generator=generator) for _ in range(2))
    mask = torch.zeros(2, 1, 32, 32)
    mask[0, :, 4:20, 4:20] = 1.0
    mask[1, :, :8, :8] = 1.0
    return Triplet(composite, mask, real)


def test_the_published_loss_is_the_sum_over_three_pictures(recipe_of, triplet):
    torch.manual_seed(0)
    model = CDTNet(Config(base_size=16)).eval()
    stage = recipe_of({"size": 32, "trains": ["refinement"]}, variant="cdtnet").stages[0]
    terms = Objective(model, stage)(triplet, Window(0, 0, 32, 32))
    output = model(triplet.composite, triplet.mask)
    real_low = torch.nn.functional.interpolate(triplet.real, (16, 16), mode="bilinear")
    whole, low = torch.tensor([256.0, 100.0]), torch.tensor([100.0, 100.0])  # 64 and less count as 100
    expected = {"image": (output.image, triplet.real, whole), "lut": (output.lut_image, triplet.real, whole)}
    expected["base"] = output.base_image, real_low, low
    assert terms.keys() == expected.keys()
    for name, (ours, real, pixels) in expected.items():
        loss = (((ours - real) ** 2).sum((1, 2, 3)) / (3 * pixels)).mean()
        assert terms[name].item() == pytest.approx(loss.item(), rel=1e-5), name


def test_a_window_s_losses_average_to_the_whole_picture_s(recipe_of, triplet):
    torch.manual_seed(0)
    model = CDTNet(Config(base_size=16)).eval()
    recipe = recipe_of(
        {"size": 32, "trains": ["color_mapping"], "losses": {"image": 0, "base": 0}}, variant="cdtnet"
    )
    objective = Objective(model, recipe.stages[0])
    windows = [Window(top, left, top + 16, left + 16) for top in (0, 16) for left in (0, 16)]
    parts = [objective(triplet, window)["lut"].item() for window in windows]
    assert sum(parts) / 4 == pytest.approx(objective(triplet, Window(0, 0, 32, 32))["lut"].item(), rel=1e-5)


def test_losses_of_weight_0_are_not_computed(recipe_of, triplet):
    losses = {"image": 0, "lut": 2, "base": 0, "roughness": 1}
    recipe = recipe_of({"size": 32, "trains": ["color_mapping"], "losses": losses}, variant="cdtnet")
    terms = Objective(CDTNet(Config(base_size=16)).eval(), recipe.stages[0])(triplet, Window(0, 0, 32, 32))
    assert terms.keys() == {"lut", "roughness"}


def test_composited_pictures_are_scored_as_they_are_used(recipe_of, triplet):
    torch.manual_seed(0)
    model = CDTNet(Config(base_size=16, antialias=True)).eval()
    mask = triplet.mask * torch.linspace(0, 1, 32)  # soft
    triplet = triplet._replace(mask=mask)
    losses = {"composited": True}
    stage = recipe_of({"size": 32, "trains": ["refinement"], "losses": losses}, variant="cdtnet").stages[0]
    terms = Objective(model, stage)(triplet, Window(0, 0, 32, 32))
    output = model(triplet.composite, mask)

    def low(picture):
        return torch.nn.functional.interpolate(picture, (16, 16), mode="bilinear", antialias=True)

    def loss(picture, composite, mask, real, least):
        kept = mask.clamp(min=0.1)  # a tenth where the mask is black, so that colors around edges stay sound
        used = composite + kept * (picture - composite)
        pixels = (mask.mean((1, 2, 3)) * mask[0].numel()).clamp(min=least)
        return (((used - real) ** 2).sum((1, 2, 3)) / (3 * pixels)).mean().item()

    composite, _, real = triplet
    image = loss(output.image, composite, mask, real, 100)
    share = mask.mean((1, 2, 3))
    small = loss(output.base_image, low(composite), low(mask), low(real), 100)
    assert terms["image"].item() == pytest.approx(image, rel=1e-5)
    assert terms["lut"].item() == pytest.approx(
        (((output.lut_image - real) ** 2).sum((1, 2, 3)) / (3 * (share * 1024).clamp(min=100))).mean().item(),
        rel=1e-5,
    )
    assert terms["base"].item() == pytest.approx(small, rel=1e-3)


def test_what_is_composited_learns_nothing_from_where_the_composite_is_right(recipe_of, triplet):
    losses = {"composited": True, "lut": 0, "base": 0}
    stage = recipe_of({"size": 32, "trains": ["refinement"], "losses": losses}, variant="cdtnet").stages[0]
    objective = Objective(CDTNet(Config(base_size=16)).eval(), stage)
    soft = triplet._replace(mask=0.25 * triplet.mask, real=triplet.composite)
    hard = soft._replace(mask=triplet.mask)
    window = Window(0, 0, 32, 32)
    plain = torch.lerp(soft.composite, objective.model(*soft[:2]).image, soft.mask.clamp(min=0.1))
    pixels = (soft.mask.mean((1, 2, 3)) * 1024).clamp(min=100)
    expected = ((plain - soft.real) ** 2).sum((1, 2, 3)) / (3 * pixels)
    assert objective(soft, window)["image"].item() == pytest.approx(expected.mean().item(), rel=1e-5)
    assert objective(hard, window)["image"].item() > 0
