"""The refinement's last layer by least squares."""

import pytest
import torch

from cdtnet.data.synthesis import Triplet
from cdtnet.model import CDTNet, Config
from cdtnet.regions import Window
from cdtnet.training import refining
from cdtnet.training.distributed import Processes
from cdtnet.training.loss import Objective
from cdtnet.training.recipe import Stage
from cdtnet.training.refining import ColorSolver
from cdtnet.training.trainer import Trainer

ALONE = Processes(torch.device("cpu"))
WHOLE = Window(0, 0, 48, 48)
RESIDUAL = {"variant": "cdtnet", "base_size": 16, "residual": True}


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
    return CDTNet(Config(base_size=24, residual=True)).double().eval()


@pytest.fixture
def triplet() -> Triplet:
    torch.manual_seed(4)
    real = torch.nn.functional.interpolate(torch.rand(3, 3, 9, 9), (48, 48), mode="bicubic").clamp(0, 1)
    mask = torch.zeros(3, 1, 48, 48)
    mask[..., 10:40, 8:35] = 1
    return Triplet(*(t.double() for t in (real * (1 - 0.4 * mask), mask, real)))


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
    recipe = recipe_of(solved, kind="photos", model=RESIDUAL)
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


def test_solving_begins_anew_each_time(network, triplet):
    """So that weights which were solved before are not held to what they were solved to."""
    solved = stage(losses={"lut": 0, "base": 0, "root": True})
    layers = []
    for _ in range(2):
        solver = ColorSolver(network, solved, 1, ALONE)
        solver.add(triplet, WHOLE)
        solver.step()
        layers.append(network.refinement.blend.rgb.weight.clone())
    assert torch.equal(*layers)


def test_the_ridge_holds_the_picture_to_the_sum(network, triplet, monkeypatch):
    corrections = []
    for ridge in (1e-3, 1e-1, 1e6):
        monkeypatch.setattr(refining, "RIDGE", ridge)
        solver = ColorSolver(network, stage(), 1, ALONE)
        solver.add(triplet, WHOLE)
        solver.step()
        corrections.append(network.refinement.blend.rgb.weight.norm())
    assert corrections[0] > corrections[1] > 1e3 * corrections[2] > 0
