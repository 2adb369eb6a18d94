"""The two commands, in this process: train in two runs, publish, load."""

import sys
from dataclasses import replace

import pytest

from cdtnet.training import __main__ as training
from cdtnet.training import publish
from cdtnet.training.stages import PLANS
from cdtnet.weights import load_model, read_weights


def command(module, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    module.main()


def test_train_in_two_runs_and_publish(photo_folder, tmp_path, monkeypatch):
    for name, plan in PLANS.items():
        stages = [replace(stage, size=16, base_size=16, window=16, batch=2) for stage in plan.stages[-1:]]
        monkeypatch.setitem(PLANS, name, replace(plan, stages=stages))
    where = ["--photos", photo_folder / "mid", "--masks", photo_folder / "masks", "--held-out", "scenes"]
    small = ["--budget", 1e-6, "--device", "cpu"]
    command(training, monkeypatch, "is2am", *where, "--run", tmp_path / "generator", *small)
    initial = ["--initial", tmp_path / "generator"]
    command(training, monkeypatch, "cdtnet-256", *where, "--run", tmp_path / "all", *initial, *small)
    output = tmp_path / "ours.safetensors"
    command(
        publish, monkeypatch, tmp_path / "all", output, "--training", "a step", "--licence", "none", "--half"
    )
    assert load_model(output).config.base_size == 256
    assert read_weights(output)[1]["training"] == "a step"


@pytest.mark.parametrize("held_out", ["nothing", "both"])
def test_sources_for_both_training_and_validation_are_asked_for(
    photo_folder, tmp_path, monkeypatch, capsys, held_out
):
    names = {"nothing": ["elsewhere"], "both": ["objects", "scenes"]}[held_out]
    with pytest.raises(SystemExit) as exit_:
        command(
            training,
            monkeypatch,
            "is2am",
            "--photos",
            photo_folder / "mid",
            "--run",
            tmp_path,
            "--held-out",
            *names,
        )
    assert exit_.value.code == 1
    assert "some but not all of objects, scenes" in capsys.readouterr().err


def test_publishing_nothing_is_a_sentence(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as exit_:
        command(publish, monkeypatch, tmp_path, tmp_path / "x.safetensors", "--training", "", "--licence", "")
    assert exit_.value.code == 1
    assert "There is no checkpoint" in capsys.readouterr().err
