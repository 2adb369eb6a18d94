"""The whole chain on a tiny data set: recipes, evaluation, the paper's table."""

from pathlib import Path

import pytest
import yaml

from cdtnet.cli.main import main
from cdtnet.cli.reproduce import EXPERIMENTS
from cdtnet.evaluation.published import PUBLISHED
from cdtnet.evaluation.results import Evaluation
from tests.datasets import trees

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = ["data.workers=0", "data.validation=2", "stages.0.epochs=1", "stages.0.batch=2", "model.base_size=16"]


@pytest.mark.filterwarnings("ignore:The mask")
def test_one_command_from_recipes_to_the_papers_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trees.iharmony4(tmp_path / "iHarmony4")
    command = ["reproduce", "cdtnet-256-1024", *SMALL, "stages.0.size=16", "--data", "iHarmony4"]
    command += ["--recipes", str(RECIPES), "--device", "cpu"]
    assert main([*command, "--minutes", "0"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "run the same command to resume" in printed.err
    assert main(command) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("iHarmony4, test: 1 composites, 1024×1024, whole frame.")
    beside = printed.out[
        printed.out.index("Compared with published figures: HAdobe5k, 1 of 2,160 composites.") :
    ]
    assert "CDTNet-256 " in beside
    assert "cdtnet-256-1024/weights" in beside
    found = Evaluation.from_json((tmp_path / "runs" / "cdtnet-256-1024" / "evaluation.json").read_text())
    assert found.whole_frame
    assert set(found.sha256) == {"cdtnet-256-1024/weights", "data"}
    weights = yaml.safe_load((tmp_path / "runs" / "cdtnet-256-1024" / "recipe.yaml").read_text())["initial"]
    assert weights == {"generator": str(Path("runs", "is2am-256", "weights.safetensors"))}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_its_recipes_and_a_published_row(name):
    experiment = EXPERIMENTS[name]
    assert all((RECIPES / f"{recipe}.yaml").exists() for recipe in experiment.recipes)
    rows = [row for row in PUBLISHED if row.size == experiment.size]
    assert rows
    assert {row.subset for row in rows} >= set(experiment.subsets)


def test_without_recipes_it_says_where_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "is2am-256", "--data", "."]) == 1
    assert "clone of the repository" in capsys.readouterr().err
