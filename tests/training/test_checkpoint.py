"""A checkpoint of a run can be used as a weights file."""

from dataclasses import asdict

import pytest
import torch

from cdtnet.cli.main import main
from cdtnet.model import Config, load_model
from cdtnet.training.distributed import Processes
from cdtnet.training.trainer import Trainer
from cdtnet.weights import CONFIG_ENTRY, read_weights

CONFIG = Config(base_size=32, antialias=True, residual=True, second_look=True, close_up=True)


@pytest.mark.parametrize("average", [False, True])
def test_a_runs_checkpoint_is_what_the_run_would_use(recipe_of, tmp_path, capsys, average):
    settings = {**asdict(CONFIG), "variant": "is2am", "base_size": 16}
    recipe = recipe_of({"average": average, "samples": 400, "rate": 1e-2}, model=settings)
    trainer = Trainer(recipe, tmp_path, Processes(torch.device("cpu")))
    steps = iter([False, False, True])
    assert trainer.run(stopped=lambda: next(steps)) is False
    written = load_model(tmp_path / "weights.safetensors")
    assert written.config == Config(**settings)
    assert "12 samples so far" in read_weights(tmp_path / "weights.safetensors")[1]["training"]
    found = load_model(tmp_path / "checkpoint.pt")
    assert found.config == written.config
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in written.state_dict().items())
    differs = any(not torch.equal(v, found.state_dict()[n]) for n, v in trainer.model.state_dict().items())
    assert differs == average
    assert main(["convert", str(tmp_path / "checkpoint.pt"), str(tmp_path / "c.safetensors")]) == 0
    assert load_model(tmp_path / "c.safetensors").config == written.config
    assert "12 samples, unfinished" in read_weights(tmp_path / "c.safetensors")[1]["training"]


def test_a_checkpoint_of_before_goes_on(recipe_of, tmp_path):
    recipe = recipe_of({"average": True})
    run = Trainer(recipe, tmp_path, Processes(torch.device("cpu")))
    run.run(stopped=lambda: True)
    path = tmp_path / "checkpoint.pt"
    content = torch.load(path, weights_only=True)
    del content["model"][CONFIG_ENTRY], content["averaged"][f"module.{CONFIG_ENTRY}"]
    torch.save(content, path)
    assert load_model(path).config == recipe.model
    assert Trainer(recipe, tmp_path, Processes(torch.device("cpu"))).run() is True
