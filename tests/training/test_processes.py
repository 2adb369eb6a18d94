"""Real processes: training by the command line, killed at any time, and on two processes."""

import csv
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from cdtnet.cli.main import main
from cdtnet.weights import read_weights
from tests.processes import PATIENCE, started, until

pytestmark = pytest.mark.slow

TWO = "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"


def command(recipe: Path, run: Path, *options: object, launcher: tuple[str, ...] = ()) -> list[str]:
    return [
        *(sys.executable, *(launcher or ("-m",)), "cdtnet", "train", str(recipe)),
        *("--output", str(run), "--device", "cpu", *map(str, options)),
    ]


def train(*arguments, launcher: tuple[str, ...] = ()) -> None:
    """Train in this process, or in those of a launcher."""
    words = command(*arguments, launcher=launcher)
    if launcher:
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    else:
        assert main(words[words.index("train") :]) == 0


def weights(run: Path) -> dict[str, torch.Tensor]:
    entries = read_weights(run / "weights.safetensors")[0]
    return {name: torch.from_numpy(value) for name, value in entries.items()}


@pytest.fixture
def recipe(recipe_of, tmp_path) -> Path:
    stages = {"samples": 48, "average": True}, {"size": 24, "samples": 16}
    content = recipe_of(*stages).model_dump(mode="json")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "recipe.yaml"


@pytest.mark.parametrize("kills", [2, pytest.param(6, marks=pytest.mark.nightly)])
def test_killed_anywhere_a_run_ends_with_the_same_weights(recipe, tmp_path, kills):
    train(recipe, tmp_path / "whole")
    dice, killed = random.Random(0), {"while writing": 0, "while training": 0}
    run = tmp_path / "killed"
    while sum(killed.values()) < kills:
        moment = "while writing" if sum(killed.values()) % 2 else "while training"
        countdown = dice.randint(1, 2)  # steps of this process
        seen = (run / "checkpoint.pt").stat().st_mtime_ns if (run / "checkpoint.pt").exists() else 0
        saving = command(recipe, run, "--save-every", 0)
        with started(saving, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                if moment == "while writing" and any(run.glob(".checkpoint.pt.*.tmp")):
                    break
                now = (run / "checkpoint.pt").stat().st_mtime_ns if (run / "checkpoint.pt").exists() else 0
                countdown -= now != seen
                seen = now
                if countdown == 0 and moment == "while training":
                    time.sleep(dice.uniform(0, 0.05))
                    break
                time.sleep(0.0005)
            killed[moment] += process.poll() is None
        assert not (run / "weights.safetensors").exists()
    assert killed == {"while writing": kills // 2, "while training": kills // 2}
    train(recipe, run)
    whole, resumed = weights(tmp_path / "whole"), weights(run)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_two_processes_train_as_one(recipe, tmp_path):
    # In float32 Adam makes steps of gradients that are nothing but rounding, and soon no two runs are alike.
    changes = [f"stages.{k}.precision=float64" for k in (0, 1)]
    changes += ["stages.0.average=false", "stages.0.samples=24", "stages.1.accumulate=2"]
    train(recipe, tmp_path / "one", *changes)
    train(recipe, tmp_path / "two", *changes, launcher=TWO)
    rows = []
    for name in ("one", "two"):
        with (tmp_path / name / "log.csv").open() as file:
            rows.append([float(row["loss"]) for row in csv.DictReader(file)][1:])  # before, there was no step
    assert len(rows[0]) == 10
    assert rows[1] == pytest.approx(rows[0], rel=1e-5)  # of six digits
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.allclose(one[name], two[name], rtol=0, atol=1e-6) for name in one)


def test_a_batch_that_cannot_be_shared_is_said(recipe, tmp_path):
    arguments = command(recipe, tmp_path / "run", "stages.1.batch=3", launcher=TWO)
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode != 0
    assert "3 pictures, a part of a batch, cannot be divided among 2" in done.stderr
    assert "cdtnet/training" not in done.stderr  # no traceback of ours


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.nightly)])
def test_a_signal_to_the_whole_group_keeps_all_steps(recipe_of, tmp_path, number):
    """Schedulers and terminals signal the whole process group, including processes that read ahead."""
    content = recipe_of({"samples": 400_000}, data={"workers": 1}).model_dump(mode="json")
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(content))
    arguments = command(tmp_path / "long.yaml", tmp_path / "run", "--save-every", "0")
    options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with started(arguments, **options) as process:
        until((tmp_path / "run" / "checkpoint.pt").exists, process)
        os.killpg(process.pid, number)
        said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    stopped = re.search(r"Stopped after ([\d,]+) samples; run the same command to resume", said)
    content = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert content["samples"] == int(stopped[1].replace(",", ""))


@pytest.mark.skipif(sys.platform == "win32", reason="processes are found in /proc, or by signals")
def test_a_reading_process_that_is_killed_is_said_and_costs_nothing(recipe_of, tmp_path):
    content = recipe_of({"samples": 400_000}, data={"workers": 1}).model_dump(mode="json")
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(content))
    script = tmp_path / "killing.py"
    script.write_text(
        "import sys\n"
        "from cdtnet.training import feeds\n"
        "from cdtnet.training.trainer import Trainer\n"
        "take_step = Trainer._train_step\n"
        "def step(self, *arguments):\n"
        "    if self.step == 3:\n"
        "        import multiprocessing\n"
        "        [child.kill() for child in multiprocessing.active_children()]\n"
        "    return take_step(self, *arguments)\n"
        "Trainer._train_step = step\n"
        "from cdtnet.cli.main import main\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(main(sys.argv[1:]))\n"
    )
    options = "--output", str(tmp_path / "run"), "--device", "cpu", "--save-every", "0"
    arguments = [sys.executable, str(script), "train", str(tmp_path / "long.yaml"), *options]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "cdtnet: A process that reads pictures has died" in done.stderr
    assert "Traceback" not in done.stderr
    content = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert content["samples"] == 4 * content["step"] >= 8
