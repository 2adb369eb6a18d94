"""`cdtnet evaluate`: real processes for signals; the rest through `main`."""

import csv
import math
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from cdtnet.cli.main import main
from cdtnet.evaluation import costs, journal
from cdtnet.evaluation.results import Evaluation
from tests.cli.refusals import refusal
from tests.datasets import trees
from tests.processes import PATIENCE, started


@pytest.fixture
def data(tmp_path, monkeypatch):
    """iHarmony4 with four test composites, in the working directory."""
    monkeypatch.chdir(tmp_path)
    trees.iharmony4(tmp_path / "iHarmony4")
    return tmp_path


def rows_of(text, title):
    """Return the lines of the table whose title begins so, by their first words."""
    table = text[text.index(title) :].partition("──\n")[2].split("\n")
    lines = table[: table.index("")]
    return {line.split("  ")[0]: line for line in lines if not line.startswith(" ")}


@pytest.mark.slow
def test_several_methods_in_one_run(data, weights, capsys, monkeypatch):
    monkeypatch.setattr(journal, "EVERY", math.inf)  # nothing is said of the time left
    shutil.copy(weights, "other.safetensors")
    command = ["evaluate", "iHarmony4", "--model", weights, "--model", "other.safetensors"]
    command += ["--baseline", "mkl", "poisson"]
    outputs = ["--json", "all.json", "--csv", "all.csv", "--report", "all.html"]
    assert main([*command, "--device", "cpu", *outputs]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    found = Evaluation.from_json((data / "all.json").read_text())
    assert found.methods == ("composite", "formula", "other", "MKL", "Poisson blending")
    assert (found.dataset, found.split, found.size, len(found.composites)) == ("iHarmony4", "test", 256, 4)
    assert "PyTorch" in found.hardware
    main_table = rows_of(printed.out, "iHarmony4, test: 4 composites, 256×256")
    assert list(main_table) == list(found.methods)
    assert f"{found.values['MKL']['mse'].mean():.2f}" in main_table["MKL"]
    assert "CDTNet-256" in rows_of(printed.out, "Compared with published figures: MSE / PSNR.")
    lines = list(csv.DictReader((data / "all.csv").read_text().splitlines()))
    assert len(lines) == 4 * 5
    assert float(lines[-1]["fmse"]) == found.values["Poisson blending"]["fmse"][-1]
    assert "Poisson blending" in (data / "all.html").read_text()


def test_sub_sets_sizes_and_markdown(data, weights, capsys):
    command = ["evaluate", "iHarmony4", "--model", weights, "--subset", "HAdobe5k", "HCOCO"]
    assert main([*command, "--size", "full", "--split", "train", "--markdown", "--json", "a.json"]) == 0
    found = Evaluation.from_json((data / "a.json").read_text())
    assert {composite.subset for composite in found.composites} == {"HAdobe5k", "HCOCO"}
    assert (found.split, found.size, len(found.composites)) == ("train", "full", 4)
    assert "|---|---|" in capsys.readouterr().out


def test_a_limit_is_spread_over_the_data_set(data, weights, capsys):
    assert main(["evaluate", "iHarmony4", "--limit", "2", "--model", weights, "--size", "32"]) == 0
    assert "2 composites" in capsys.readouterr().out


def test_pairs_without_lists_are_used_whole(tmp_path, weights, capsys):
    trees.iharmony4(tmp_path / "x", common_lists=False, own_lists=False)
    assert main(["evaluate", str(tmp_path / "x" / "HCOCO"), "--model", weights, "--size", "32"]) == 0
    assert "HCOCO: 3 composites" in capsys.readouterr().out


def test_the_whole_frame_is_scored_as_published(data, weights):
    for name, options in (("blended.json", []), ("whole.json", ["--whole-frame"])):
        command = ["evaluate", "iHarmony4", "--model", weights, "--size", "64", "--json", name]
        assert main([*command, *options]) == 0
    blended, whole = (Evaluation.from_json((data / f).read_text()) for f in ("blended.json", "whole.json"))
    assert whole.whole_frame
    assert not blended.whole_frame
    for method, same in (("composite", True), ("formula", False)):
        first, second = (found.values[method]["mse"] for found in (blended, whole))
        assert np.array_equal(first, second) == same


def test_damage_is_named_and_skipped_or_ends_the_run(data, weights, capsys):
    damaged = data / "iHarmony4" / "HCOCO" / "composite_images" / "c140_530_1.jpg"
    trees.truncate(damaged)
    command = ["evaluate", "iHarmony4", "--model", weights, "--size", "32"]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "Skipped: " in printed.err
    assert damaged.name in printed.err
    assert "3 composites, 1 skipped" in printed.out
    assert main([*command, "--damaged", "fail", "--json", "a.json"]) == 1
    assert damaged.name in capsys.readouterr().err
    assert not (data / "a.json").exists()


@pytest.mark.slow
def test_costs_are_measured_in_the_same_run(data, capsys, monkeypatch):
    monkeypatch.setattr(costs, "PICTURES", ((40, 60),))
    command = ["evaluate", "iHarmony4", "--model", "cdtnet-sim", "--size", "32", "--device", "cpu"]
    assert main([*command, "--efficiency"]) == 0
    printed = capsys.readouterr()
    assert "60×40" in printed.err
    line = rows_of(printed.out, "Cost of one picture")["cdtnet-sim"]
    assert "60×40" in line
    assert "2,684,428" in line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere"),
        (["iHarmony4", "--model", "nonesuch"], "no model 'nonesuch'"),
        (["iHarmony4", "--json", "no/folder.json"], "folder does not exist"),
        (["iHarmony4", "--subsets", "HMars"], "HMars"),
    ],
)
def test_mistakes_are_a_sentence(data, capsys, arguments, sentence):
    assert sentence in refusal(capsys, "evaluate", *arguments)


@pytest.mark.parametrize(
    "arguments", [["--size", "8"], ["--size", "big"], ["--limit", "0"], ["--baseline", "magic"]]
)
def test_impossible_arguments_are_refused(data, capsys, arguments):
    with pytest.raises(SystemExit):
        main(["evaluate", "iHarmony4", *arguments])
    assert arguments[1] in capsys.readouterr().err


@pytest.mark.slow
def test_a_missing_package_is_a_sentence():
    code = (
        "import sys; sys.modules['scipy'] = None; from cdtnet.cli.main import main; main(['evaluate', '.'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "cdtnet: Evaluating needs scipy: pip install 'cdtnet[evaluate]'.\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to another process there")
def test_interrupted_it_leaves_nothing_behind(data):
    folder = data / "iHarmony4" / "HCOCO"
    names = [f"c140_530_{k}" for k in range(1, 60)]
    for name in names:
        trees.triplet(folder, name)
    (folder / "HCOCO_test.txt").write_text("".join(f"{name}.jpg\n" for name in names))
    trees.truncate(folder / "composite_images" / "c140_530_1.jpg")
    command = ["evaluate", "iHarmony4", "--subset", "HCOCO", "--model", "cdtnet-sim", "--csv", "a.csv"]
    run = [sys.executable, "-m", "cdtnet.cli.main", *command]
    with started(run, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("Skipped: ")
        process.send_signal(signal.SIGINT)
        assert "Interrupted; " in process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 130
    assert sorted(path.name for path in data.iterdir()) == ["iHarmony4"]


def test_a_journal_and_results_of_others(data, weights, capsys):
    folder = data / "theirs"
    for path in (data / "iHarmony4").rglob("composite_images/*.jpg"):
        trees.copy(path, folder / path.name)
    command = [
        "evaluate",
        "iHarmony4",
        "--model",
        weights,
        "--size",
        "32",
        "--results",
        f"copied={folder}",
    ]
    command += ["--journal", "kept.jsonl"]
    assert main([*command, "--json", "a.json"]) == 0
    first = capsys.readouterr().out
    found = Evaluation.from_json((data / "a.json").read_text())
    assert found.methods == ("composite", "formula", "copied")
    assert np.array_equal(found.values["copied"]["mse"], found.values["composite"]["mse"])
    assert found.sha256.keys() == {"formula", "data"}
    assert len((data / "kept.jsonl").read_text().splitlines()) == 1 + 4
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[4:] == first.splitlines()[4:]
    assert "two methods" in refusal(capsys, *command, "--results", f"copied={folder}").lower()
    other = data / "iHarmony4" / "HCOCO" / "real_images" / "c140.jpg"
    trees.copy(data / "iHarmony4" / "HCOCO" / "real_images" / "c98.jpg", other)
    assert "differs in sha256" in refusal(capsys, *command)
