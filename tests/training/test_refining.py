"""The refinement's sharp channels, and its last layer by least squares."""

import pytest
import torch

from cdtnet.data.synthesis import Triplet
from cdtnet.model import CDTNet, Config
from cdtnet.model.refinement import Refinement
from cdtnet.regions import Window
from cdtnet.training import refining
from cdtnet.training.distributed import Processes
from cdtnet.training.loss import Objective
from cdtnet.training.recipe import Stage
from cdtnet.training.refining import FAINT, ColorSolver, see_through
from cdtnet.training.trainer import Trainer

ALONE = Processes(torch.device("cpu"))
WHOLE = Window(0, 0, 48, 48)


def stage(**keys) -> Stage:
    content = {
        "trains": ["refinement"],
        "size": 48,
        "base_size": 24,
        "batch": 3,
        "samples": 9,
        "precision": "float64",
        "smallest_foreground": 1,
        "solver": "least squares",
        "losses": {"lut": 0, "base": 0},
    }
    return Stage.model_validate({**content, **keys})


@pytest.fixture
def network() -> CDTNet:
    torch.manual_seed(3)
    return CDTNet(Config(base_size=24)).double().eval()


@pytest.fixture
def triplet() -> Triplet:
    torch.manual_seed(4)
    real = torch.nn.functional.interpolate(torch.rand(3, 3, 9, 9), (48, 48), mode="bicubic").clamp(0, 1)
    mask = torch.zeros(3, 1, 48, 48)
    mask[..., 10:40, 8:35] = 1
    return Triplet(*(t.double() for t in (real * (1 - 0.4 * mask), mask, real)))


def colors(size: int = 12) -> tuple[torch.Tensor, ...]:
    """Image, generated, mapped, mask and features as a refinement takes them, normalised colours in ±2.7."""
    torch.manual_seed(5)
    image, generated, mapped = (
        5.4 * torch.rand(2, 3, size, size, dtype=torch.float64) - 2.7 for _ in range(3)
    )
    mask = torch.rand(2, 1, size, size, dtype=torch.float64)
    return image, generated, mapped, mask, torch.randn(2, 32, size, size, dtype=torch.float64)


def test_hidden_channels_pass_pictures_on():
    torch.manual_seed(0)
    refinement = Refinement(32).double().eval()
    see_through(refinement)
    _, generated, mapped, mask, features = colors()
    with torch.no_grad():
        hidden = refinement.convs(torch.cat((generated, mapped, mask, features), dim=1))
    inner = slice(1, -1)
    detail = mapped[..., inner, inner] - torch.nn.functional.avg_pool2d(mapped, 3, 1)
    hidden = hidden / FAINT
    for picture, inside in ((generated, hidden), (mapped, hidden), (detail, hidden[..., inner, inner])):
        for plane in picture.unbind(1):
            apart = (inside - inside.mean((2, 3), keepdim=True)) - (plane - plane.mean((1, 2), keepdim=True))[
                :, None
            ]
            assert apart.abs().amax((0, 2, 3)).min() < 0.04  # ELU bends a little


def test_what_the_other_channels_do_stays():
    """Of a refinement whose spare channels are not used at all, nothing changes."""
    torch.manual_seed(0)
    refinement = Refinement(32).double().eval()
    with torch.no_grad():
        refinement.convs[3].weight[:, :6] = 0
        refinement.blend.rgb.weight[:, :9] = 0
        refinement.blend.gate.weight[:, :9] = 0
        before = refinement(*colors())
        see_through(refinement)
        assert torch.equal(refinement(*colors()), before)


@pytest.mark.parametrize("root", [False, True])
def test_no_other_last_layer_has_a_lower_loss(network, triplet, root, monkeypatch):
    monkeypatch.setattr(refining, "RIDGE", 1e-12)
    solved = stage(losses={"lut": 0, "base": 0, "root": root})
    solver = ColorSolver(network, solved, 30, ALONE)
    losses = []
    for _ in range(30):
        losses.append(float(solver.add(triplet, WHOLE)))
        solver.step()
    final = float(solver.add(triplet, WHOLE))
    assert final < losses[0] / 3
    rgb = network.refinement.blend.rgb
    for _ in range(10):
        with torch.no_grad():
            rgb.weight += (change := 1e-3 * torch.randn_like(rgb.weight))
            assert float(solver.add(triplet, WHOLE)) > final - 1e-9
            rgb.weight -= change


def test_its_loss_is_that_of_training(network, triplet):
    """On pictures whose background stays as it is, which the solver always gives them."""
    soft = stage(losses={"lut": 0, "base": 0, "root": True})
    solver = ColorSolver(network, soft, 3, ALONE)
    everywhere = Triplet(triplet.composite, torch.ones_like(triplet.mask), triplet.real)
    expected = Objective(network, soft)(everywhere, WHOLE)["image"]
    torch.testing.assert_close(solver.add(everywhere, WHOLE), expected.detach(), rtol=1e-9, atol=0)


def test_a_run_changes_the_refinement_alone_and_can_be_stopped(recipe_of, tmp_path):
    solved = {"trains": ["refinement"], "solver": "least squares", "losses": {"root": True}, "samples": 24}
    recipe = recipe_of(solved, variant="cdtnet", kind="photos")
    whole = Trainer(recipe, tmp_path / "whole", ALONE)
    before = {name: value.clone() for name, value in whole.model.state_dict().items()}
    whole.run()
    while not (pieces := Trainer(recipe, tmp_path / "pieces", ALONE)).run(stopped=lambda: True):
        pass
    after = whole.model.state_dict()
    assert {name.split(".")[0] for name in changed(before, after)} == {"refinement"}
    assert not changed(after, pieces.model.state_dict())


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_channels_that_pass_pictures_on_already_are_kept(network):
    see_through(network.refinement)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    see_through(network.refinement)
    assert not changed(before, network.state_dict())
