"""Logs and weights that are kept during a run."""

import csv
import math

import pytest
import torch

from cdtnet.model import load_model
from cdtnet.training.distributed import Processes
from cdtnet.training.feeds import _Steps
from cdtnet.training.recipe import Recipe, load_recipe
from cdtnet.training.trainer import Best, Trainer
from cdtnet.weights import read_weights

pytestmark = pytest.mark.slow

ALONE = Processes(torch.device("cpu"))


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_steps_are_noted_with_loss_gradient_and_speed(recipe_of, tmp_path):
    told = []
    recipe = recipe_of({"samples": 40}, watch={"log_every": 3, "validate_every": 5})
    Trainer(recipe, tmp_path, ALONE, [lambda samples, values: told.append((samples, values))]).run()
    noted = rows(tmp_path / "steps.csv")
    assert [row["samples"] for row in noted] == ["12", "24", "36"]
    for row in noted:
        assert all(float(row[f"step {name}"]) > 0 for name in ("rate", "gradient", "loss", "samples/s"))
    scored = rows(tmp_path / "log.csv")
    assert [row["samples"] for row in scored] == ["0", "20", "40"]
    assert math.isnan(float(scored[0]["loss"]))
    assert [samples for samples, _ in told] == [0, 12, 20, 24, 36, 40]
    assert told[2][1]["image fmse"] == pytest.approx(float(scored[1]["image fmse"]), rel=1e-5)


def test_measuring_the_gradient_changes_nothing(recipe_of, tmp_path):
    for name, every in (("often", 1), ("never", 1000)):
        Trainer(recipe_of({}, watch={"log_every": every}), tmp_path / name, ALONE).run()
    often, never = (
        load_model(tmp_path / name / "weights.safetensors").state_dict() for name in ("often", "never")
    )
    assert all(torch.equal(often[key], never[key]) for key in often)


def test_the_best_weights_are_kept(recipe_of, tmp_path):
    recipe = recipe_of({"samples": 40, "rate": 1e-2}, watch={"validate_every": 2, "best": "image psnr"})
    trainer = Trainer(recipe, tmp_path, ALONE)
    trainer.run()
    scores = {int(row["samples"]): float(row["image psnr"]) for row in rows(tmp_path / "log.csv")}
    assert trainer.best.samples == max(scores, key=scores.get)
    assert trainer.best.value == pytest.approx(max(scores.values()), rel=1e-5)
    assert load_model(tmp_path / "best.safetensors").config == recipe.model


def test_so_many_of_the_last_weights_are_kept(recipe_of, tmp_path):
    Trainer(recipe_of({"samples": 24}, watch={"validate_every": 1, "keep": 2}), tmp_path, ALONE).run()
    kept = sorted(path.name for path in tmp_path.glob("weights-*"))
    assert kept == ["weights-000000000020.safetensors", "weights-000000000024.safetensors"]
    last, final = load_model(tmp_path / kept[-1]), load_model(tmp_path / "weights.safetensors")
    assert all(torch.equal(value, final.state_dict()[name]) for name, value in last.state_dict().items())
    cards = [read_weights(tmp_path / name)[1] for name in (kept[-1], "weights.safetensors")]
    assert ["ranges" in card for card in cards] == [False, True]


def test_a_stage_that_gains_nothing_ends_early_also_when_interrupted(recipe_of, tmp_path):
    watch = {"validate_every": 1, "patience": 3}
    recipe = recipe_of({"samples": 400, "rate": 1e-12}, {"samples": 8}, watch=watch)
    whole = Trainer(recipe, tmp_path / "whole", ALONE)
    assert whole.run()
    assert whole.samples < 400
    for _ in range(200):
        pieces = Trainer(recipe, tmp_path / "pieces", ALONE)
        if pieces.run(stopped=lambda: True):
            break
    assert (pieces.samples, pieces.best) == (whole.samples, whole.best)


@pytest.mark.parametrize(
    ("name", "values", "best", "since"),
    [
        ("image fmse", [5, 4, 4, 6], 4, 2),
        ("image psnr", [5, 4, 7], 7, 0),
        ("image worse", [math.nan, 0.5, 0.6], 0.5, 1),
        ("lut fmse", [3, 2], 2, 0),  # of a network without tables
    ],
)
def test_best(name, values, best, since):
    seen = Best(name)
    for samples, value in enumerate(values):
        seen.see({f"image {name.partition(' ')[2]}": value}, samples)
    assert (seen.value, seen.since) == (best, since)


def test_the_recipe_in_the_folder_is_the_whole_recipe(recipe_of, tmp_path):
    recipe = recipe_of({"smaller": [8]}, {"clip": 1.0})
    Trainer(recipe, tmp_path, ALONE).run()
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_a_run_of_a_recipe_that_could_say_less_goes_on(recipe_of, tmp_path):
    recipe = recipe_of({})
    Trainer(recipe, tmp_path, ALONE).run(stopped=lambda: True)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    before = recipe.model_dump(mode="json")
    del before["watch"], before["stages"][0]["fixed_statistics"]
    torch.save(
        {**content, "recipe": Recipe.model_validate(before).model_dump_json(exclude_unset=True)},
        tmp_path / "checkpoint.pt",
    )
    assert Trainer(recipe, tmp_path, ALONE).run() is True


@pytest.mark.parametrize("count", [1, 2])
def test_keys_of_steps_are_made_one_by_one(recipe_of, count):
    stage = recipe_of({"batch": 4, "accumulate": 2, "size": 32, "smaller": [16]}).stages[0]
    shares = [
        list(_Steps(stage, 4, 12, Processes(torch.device("cpu"), rank, count))) for rank in range(count)
    ]
    together = [[key for share in part for key in share] for part in zip(*shares, strict=True)]
    assert together == [
        *([(4, 16), (5, 16)], [(6, 16), (7, 16)]),
        *([(8, 32), (9, 32)], [(10, 32), (11, 32)]),
    ]
    endless = iter(_Steps(stage, 0, 4 * 10**15, ALONE))
    assert next(endless) == [(0, 32), (1, 32)]


def test_what_cannot_be_watched_is_refused(recipe_of):
    with pytest.raises(ValueError, match=r"watch\.best"):
        recipe_of({}, watch={"best": "image beauty"})
