import csv
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from cdtnet.data.photos import find_photos
from cdtnet.errors import DataError, WeightsError
from cdtnet.model import Config
from cdtnet.training.checkpoint import averaged_weights, load_checkpoint
from cdtnet.training.loss import foreground_normalized_mse, roughness
from cdtnet.training.stages import PLANS, Plan, Stage
from cdtnet.training.trainer import Trainer

GENERATOR = Plan(
    Config("is2am"),
    (Stage("generator", 16, 16, 16, 4, 24, 1e-3), Stage("generator", 24, 24, 24, 4, 16, 1e-3)),
)
MAPPING = Plan(Config("cdtnet"), (Stage("mapping", 32, 16, 16, 4, 16, 1e-3),))


def train(plan, photo_folder, run, **options):
    photos = find_photos(photo_folder / "mid", photo_folder / "masks")
    trainer = Trainer(plan, photos[:6], photos[6:], run, torch.device("cpu"), options.pop("initial", None))
    trainer.run(**options)
    return trainer


def weights(run):
    return load_checkpoint(run / "checkpoint.pt")["model"]


def test_a_run_stopped_anywhere_ends_with_the_same_weights(photo_folder, tmp_path):
    train(GENERATOR, photo_folder, tmp_path / "whole")
    starts = [train(GENERATOR, photo_folder, tmp_path / "pieces", minutes=0).samples for _ in range(9)]
    assert starts == [4, 8, 12, 16, 20, 28, 32, 36, 40]  # a step each; the end of a stage leads into the next
    whole, pieces = weights(tmp_path / "whole"), weights(tmp_path / "pieces")
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)


def test_training_the_mapping_leaves_the_generator_as_it_is(photo_folder, tmp_path):
    before = train(GENERATOR, photo_folder, tmp_path / "generator")
    trainer = train(MAPPING, photo_folder, tmp_path / "mapping", initial=before.model.state_dict())
    for name, value in before.model.state_dict().items():
        assert torch.equal(trainer.model.state_dict()[name], value), name
    assert trainer.model.color_mapping.basis[1:].abs().max() > 0


def test_initial_weights_of_another_network_are_refused(photo_folder, tmp_path):
    with pytest.raises(WeightsError, match=r"missing \['generator.*unexpected \['color_mapping\.extra'\]"):
        train(GENERATOR, photo_folder, tmp_path, initial={"color_mapping.extra": torch.zeros(1)})


def test_a_folder_with_the_run_of_another_network_is_refused(photo_folder, tmp_path):
    train(GENERATOR, photo_folder, tmp_path)
    with pytest.raises(WeightsError, match="another network"):
        train(MAPPING, photo_folder, tmp_path)


@pytest.mark.parametrize(("content", "words"), [(None, "no checkpoint"), (b"noise", "damaged")])
def test_checkpoints_that_cannot_be_read(tmp_path, content, words):
    if content:
        (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(DataError, match=words):
        averaged_weights(tmp_path)


def test_the_log_has_scores_and_pictures(photo_folder, tmp_path):
    train(GENERATOR, photo_folder, tmp_path)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["samples"] == "40"
    assert float(rows[-1]["fmse untouched"]) > 0
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_loss_of_a_known_error():
    target = torch.zeros(2, 3, 10, 10)
    prediction = target + 0.5
    prediction[1] = 0.0
    area = torch.tensor([0.25, 0.5])
    # picture 1: 300·0.25 / (3·25) = 1; picture 2: 0
    assert foreground_normalized_mse(prediction, target, area).item() == pytest.approx(0.5)
    tiny = foreground_normalized_mse(prediction[:1], target[:1], torch.tensor([1e-9]))
    assert tiny.item() == pytest.approx(75 / (3 * 100 * 100 / 256**2))


def test_linear_tables_are_not_rough():
    line = torch.linspace(0, 1, 33)
    linear = torch.stack(torch.meshgrid(line, line, line, indexing="ij"))[None]
    assert roughness(linear) < 1e-12
    bump = linear.clone()
    bump[0, 0, 10, 10, 10] += 1.0
    # a unit bump gives second differences 1, -2, 1 along each axis, among 3·31·33·33 of them
    assert roughness(bump).item() == pytest.approx(3 * 6 / (3 * 31 * 33 * 33), rel=1e-3)


def test_the_learning_rate_warms_up_holds_and_falls():
    stage = Stage("generator", 64, 64, 64, 10, 10_000, 1.0)
    rates = [stage.rate_at(step) for step in range(stage.steps)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == rates[100] == rates[399] == 1.0
    assert all(after <= before for before, after in pairwise(rates[400:]))
    assert rates[-1] < 0.02


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_takes_steps_at_a_reduced_size(name, photo_folder, tmp_path):
    plan = PLANS[name]
    small = [
        replace(
            s,
            size=32,
            base_size=16 if s.part != "generator" else 32,
            window=16 if s.part != "generator" else 32,
            batch=2,
            samples=4,
        )
        for s in plan.stages
    ]
    trainer = train(replace(plan, stages=small), photo_folder, tmp_path)
    assert trainer.samples == 4 * len(small)
    assert all(value.isfinite().all() for value in trainer.averaged.state_dict().values())
