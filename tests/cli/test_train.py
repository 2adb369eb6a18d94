import signal
import sys

import pytest
import torch
import yaml

from cdtnet.cli.main import main
from cdtnet.model import load_model
from cdtnet.training.trainer import Trainer

pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(photo_folder, tmp_path):
    content = {
        "about": "A test.",
        "model": {"variant": "is2am"},
        "data": {
            "kind": "photos",
            "photos": str(photo_folder / "mid"),
            "masks": str(photo_folder / "masks"),
            "held_out": ["scenes"],
            "validation": 1,
        },
        "stages": [{"trains": ["generator"], "size": 16, "base_size": 16, "batch": 2, "samples": 8}],
    }
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "small.yaml"


def test_train_stop_and_go_on(recipe, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["train", str(recipe), "--device", "cpu", "stages.0.rate=1e-4"]
    assert main([*command, "--minutes", "0"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "Stopped after 2 samples; run the same command to resume." in output.err
    assert main(command) == 0
    assert capsys.readouterr().out == "runs/small/weights.safetensors\n"
    assert load_model("runs/small/weights.safetensors").config.variant == "is2am"


def test_sigterm_stops_in_order(recipe, tmp_path, capsys, monkeypatch):
    take_step = Trainer._train_step

    def step_and_stop(self, *arguments):
        signal.raise_signal(signal.SIGTERM)
        return take_step(self, *arguments)

    monkeypatch.setattr(Trainer, "_train_step", step_and_stop)
    with pytest.raises(SystemExit, match="130"):
        main(["train", str(recipe), "-o", str(tmp_path / "run"), "--device", "cpu"])
    assert "Stopped after 2 samples; run the same command to resume." in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["stages.0.batsh=2"], 1, "did you mean 'batch'?"),
        (["--device", "abacus"], 1, "device 'abacus' cannot be used here; choose cpu"),
        (["--device", "cuda:77"], 1, "device 'cuda:77' cannot be used here"),
        (["--device", "meta"], 1, "device 'meta' cannot be used here"),
        (["--minutes", "0", "nonsense"], 1, "write KEY=VALUE"),
        (["--strength", "1"], 2, "unrecognized arguments: --strength"),
    ],
)
def test_what_is_wrong_is_said(recipe, tmp_path, capsys, arguments, code, words):
    try:
        result = main(["train", str(recipe), "-o", str(tmp_path / "run"), *arguments])
    except SystemExit as exit_:
        result = exit_.code
    assert result == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_said(recipe, tmp_path, capsys, device):
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if there[device]:
        pytest.skip(f"there is {device}")
    assert main(["train", str(recipe), "-o", str(tmp_path / "run"), "--device", device]) == 1
    assert capsys.readouterr().err == f"cdtnet: The device '{device}' cannot be used here; choose cpu.\n"
    assert not (tmp_path / "run").exists()


def test_a_missing_extra_is_said(recipe, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "cdtnet.training.recipe", raising=False)
    assert main(["train", str(recipe)]) == 1
    assert "pip install 'cdtnet[train]'" in capsys.readouterr().err
