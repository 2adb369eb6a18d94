import csv
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cdtnet.errors import CdtnetError, DataError, WeightsError, WriteError
from cdtnet.model import CDTNet, Config, load_model
from cdtnet.training.checkpoint import load_checkpoint
from cdtnet.training.distributed import Processes
from cdtnet.training.loss import foreground_mse
from cdtnet.training.recipe import load_recipe
from cdtnet.training.trainer import Trainer
from cdtnet.weights import read_weights, write_weights

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).parents[2] / "recipes"
ALL = sorted(str(path.relative_to(RECIPES)) for path in RECIPES.rglob("*.yaml"))
ALONE = Processes(torch.device("cpu"))
TWO_STAGES = (
    {"average": True, "schedule": "cosine", "samples": 24},
    {"size": 24, "smaller": [16], "base_size": 24, "accumulate": 2, "samples": 16, "clip": 1.0},
)


def train(recipe, run, **options) -> Trainer:
    trainer = Trainer(recipe, run, ALONE)
    trainer.run(**options)
    return trainer


def weights(run) -> dict[str, torch.Tensor]:
    entries = read_weights(run / "weights.safetensors")[0]
    return {name: torch.from_numpy(value) for name, value in entries.items()}


@pytest.mark.parametrize("kind", ["triplets", "photos"])
def test_a_run_stopped_after_every_step_ends_with_the_same_weights(recipe_of, tmp_path, kind):
    recipe = recipe_of(*TWO_STAGES, kind=kind)
    train(recipe, tmp_path / "whole")
    starts = [train(recipe, tmp_path / "pieces", stopped=lambda: True).samples for _ in range(9)]
    assert starts == [4, 8, 12, 16, 20, 28, 32, 36, 40]  # a step each; a stage's end leads into the next
    whole, pieces = weights(tmp_path / "whole"), weights(tmp_path / "pieces")
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)


@pytest.fixture(scope="module")
def starts(tmp_path_factory) -> dict[bool, Path]:
    """Initial weights, for networks with and without a residual."""
    folder = tmp_path_factory.mktemp("starts")
    for residual in (False, True):
        write_weights(
            folder / f"{residual}.safetensors",
            CDTNet(Config(base_size=16, residual=residual)),
            {},
            ranges=False,
        )
    return {residual: folder / f"{residual}.safetensors" for residual in (False, True)}


@pytest.mark.parametrize("name", ALL)
def test_every_recipe_takes_two_steps(name, photo_folder, triplet_folder, tmp_path, starts):
    recipe = load_recipe(RECIPES / name)
    changes = [f"initial.{part}={starts[recipe.model.residual]}" for part in recipe.initial]
    changes += ["watch.validate_every=2", "model.base_size=16"]  # at which weights are measured, too
    for k, stage in enumerate(recipe.stages):
        small = {"size": 32, "base_size": 16, "batch": 2, "samples": 4, "accumulate": 1, "epochs": "null"}
        if stage.window:
            small["window"] = 16
        if stage.smaller:
            small["smaller"] = "[16]"
        changes += [f"stages.{k}.{key}={value}" for key, value in small.items()]
    if recipe.data.kind == "photos":
        where = {"photos": photo_folder / "mid", "masks": photo_folder / "masks", "held_out": "[scenes]"}
    else:
        where = {"root": triplet_folder, "subsets": "null", "workers": 0}
    changes += [f"data.{key}={value}" for key, value in {**where, "validation": 2}.items()]
    trainer = train(load_recipe(RECIPES / name, changes), tmp_path / "run")
    assert trainer.samples == 4 * len(recipe.stages)
    trained = load_model(tmp_path / "run" / "weights.safetensors")
    assert trained.config == replace(recipe.model, base_size=16)
    assert all(value.isfinite().all() for value in trained.state_dict().values())


def test_frozen_parts_stay_as_they_are(recipe_of, tmp_path):
    train(recipe_of({"samples": 8}), tmp_path / "base")
    source = tmp_path / "base" / "weights.safetensors"
    recipe = recipe_of(
        {"size": 32, "trains": ["color_mapping", "refinement"]},
        variant="cdtnet",
        initial={"generator": source},
    )
    before = weights(tmp_path / "base")
    trainer = train(recipe, tmp_path / "rest")
    after = weights(tmp_path / "rest")
    for name, value in before.items():
        assert torch.equal(after[name], value), name
    assert trainer.model.color_mapping.basis[1:].abs().max() > 0


@pytest.mark.parametrize("fixed", [False, True])
def test_fixed_statistics_are_those_of_before_and_gone_by(recipe_of, tmp_path, fixed):
    train(recipe_of({"samples": 8}), tmp_path / "base")
    before = weights(tmp_path / "base")
    start = {"generator": tmp_path / "base" / "weights.safetensors"}
    recipe = recipe_of({"samples": 4, "fixed_statistics": fixed}, initial=start)
    trainer = Trainer(recipe, tmp_path / "on", ALONE)
    (triplet,) = trainer.feed.batches(recipe.stages[0], 0, 4)
    in_use = foreground_mse(
        trainer.model.eval()(triplet.composite, triplet.mask).image,
        triplet.real,
        triplet.mask.mean((1, 2, 3)),
        recipe.stages[0].smallest_foreground / recipe.stages[0].size ** 2,
    ).item()
    trainer.run()
    _, row = csv.DictReader((tmp_path / "on" / "log.csv").read_text().splitlines())
    after = weights(tmp_path / "on")
    assert any(not torch.equal(after[name], before[name]) for name in before if "weight" in name)
    kept = all(torch.equal(after[name], before[name]) for name in before if "running" in name)
    assert kept == fixed
    assert (abs(float(row["loss"]) - in_use) < 1e-5) == fixed


def test_parts_come_from_where_the_recipe_says(recipe_of, tmp_path, checkpoint):
    issam = {name: value for name, value in checkpoint.items() if name.startswith(("encoder.", "decoder."))}
    torch.save(issam, tmp_path / "issam256.pth")
    initial = {"generator": tmp_path / "issam256.pth", "color_mapping": "cdtnet-sim"}
    model = Trainer(recipe_of({}, variant="cdtnet-sim", initial=initial), tmp_path / "run", ALONE).model
    source = load_model(tmp_path / "issam256.pth").generator.parameters()
    assert all(torch.equal(a, b) for a, b in zip(model.generator.parameters(), source, strict=True))
    assert torch.equal(model.color_mapping.basis, load_model("cdtnet-sim").color_mapping.basis)


@pytest.mark.parametrize(
    ("variant", "keys", "words"),
    [
        ("cdtnet", {"initial": {"refinement": "is2am"}}, "is2am has no refinement"),
        ("cdtnet", {"initial": {"color_mapping": "cdtnet-sim"}, "model": {"luts": 2}}, "another shape"),
        ("cdtnet", {"initial": {"refinement": "cdtnet-256"}}, "needs model.residual=true"),
    ],
)
def test_parts_that_do_not_fit_are_refused(recipe_of, tmp_path, variant, keys, words):
    model = {"variant": variant, "base_size": 16, **keys.pop("model", {})}
    with pytest.raises(WeightsError, match=words):
        Trainer(recipe_of({}, model=model, **keys), tmp_path, ALONE)


def test_an_iteration_of_the_recipe_in_the_same_folder_is_refused(recipe_of, tmp_path):
    train(recipe_of({}), tmp_path, stopped=lambda: True)
    with pytest.raises(DataError, match=r"differs in seed, stages\.0\.rate; choose another"):
        train(recipe_of({"rate": 2e-3}, seed=1), tmp_path)
    train(recipe_of({}, about="The same in other words."), tmp_path)


def test_open_gates_start_at_the_untouched_picture(recipe_of, tmp_path, random):
    model = Trainer(recipe_of({}, open_gates=True), tmp_path, ALONE).model.eval()
    image = torch.from_numpy(random.random((1, 3, 16, 16), dtype="float32"))
    with torch.no_grad():
        assert (model(image, torch.ones(1, 1, 16, 16)).image - image).abs().max() < 0.1


def test_a_damaged_checkpoint_is_said(recipe_of, tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(recipe_of({}), tmp_path, stopped=lambda: True)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1  # among the weights
    for content in (b"noise", b"", whole[: len(whole) // 2], flipped):
        path.write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            train(recipe_of({}), tmp_path)
    path.write_bytes(whole)
    train(recipe_of({}), tmp_path)


def test_the_log_has_scores_and_pictures(recipe_of, tmp_path):
    train(recipe_of({"trains": ["color_mapping"]}, variant="cdtnet"), tmp_path)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["samples"] for row in rows] == ["0", "4", "8", "12", "16"]
    assert float(rows[-1]["composite fmse"]) > 0
    assert {f"{name} psnr" for name in ("image", "lut", "base", "composite")} <= rows[0].keys()
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_validation_leaves_training_as_it_was(recipe_of, tmp_path, monkeypatch):
    from cdtnet.training import trainer as module

    train(recipe_of({"samples": 40}), tmp_path / "often")
    monkeypatch.setattr(module, "VALIDATIONS", 1)
    train(recipe_of({"samples": 40}), tmp_path / "once")
    often, once = weights(tmp_path / "often"), weights(tmp_path / "once")
    assert all(torch.equal(often[name], once[name]) for name in often)


def test_stopping_keeps_what_is_done(recipe_of, tmp_path):
    trainer = Trainer(recipe_of({}), tmp_path, ALONE)
    assert trainer.run(stopped=lambda: True) is False
    assert load_checkpoint(tmp_path / "checkpoint.pt")["samples"] == trainer.samples == 4


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_costs_checkpoints_not_the_run(recipe_of, tmp_path, capsys):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))  # less than a checkpoint
    try:
        with pytest.raises(WriteError, match="free space"):  # the last one is needed
            Trainer(recipe_of({}), tmp_path, ALONE).run(save_every=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert capsys.readouterr().out.count("Training continues") == 3
    assert not list(tmp_path.glob("*.tmp"))
    train(recipe_of({}), tmp_path)


def test_a_run_that_diverges_writes_no_weights(recipe_of, tmp_path):
    with pytest.raises(CdtnetError, match=r"diverged: after [\d,]+ samples, .* holds NaN"):
        train(recipe_of({"samples": 400, "rate": 1e30}), tmp_path)
    assert not (tmp_path / "weights.safetensors").exists()
    if (tmp_path / "checkpoint.pt").exists():
        assert all(v.isfinite().all() for v in load_checkpoint(tmp_path / "checkpoint.pt")["model"].values())
