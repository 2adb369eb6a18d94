"""The benchmark of docs/ablations.md, without the training."""

import sys
from pathlib import Path

import numpy as np
import pytest

from cdtnet.evaluation.metrics import METRICS
from cdtnet.evaluation.results import UNTOUCHED, Composite, Evaluation
from cdtnet.model import CDTNet, Config
from cdtnet.weights import load_weights, write_weights

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ablations(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import ablations

    yield ablations
    for name in ("ablations", "quality"):
        sys.modules.pop(name, None)


def test_every_ablation_is_a_row_and_changes_the_same_experiment(ablations, tmp_path):
    recipes = dict(ablations.rows(tmp_path, ["stages.0.samples=32"]))
    whole = recipes.pop(ablations.WHOLE)
    assert set(recipes) == {path.stem for path in (ROOT / "recipes" / "ablations").glob("*.yaml")}
    assert whole.model.base_size * 4 == 256
    for name, recipe in recipes.items():
        (stage,) = recipe.stages
        assert (stage.size, stage.samples) == (256, 32)
        assert recipe.data == whole.data
        assert (recipe.model != whole.model) + (stage != whole.stages[0]) >= 1, name
    assert recipes["base-512"].model.base_size == 128
    assert recipes["luts-8"].model.luts == 8


def test_differences_are_to_the_whole_in_pairs(ablations, tmp_path):
    recipes = dict(list(ablations.rows(tmp_path, ["stages.0.samples=32"]))[:2])
    whole, other = recipes
    before = np.array([100.0, 300.0, 50.0, 80.0])
    scores = {UNTOUCHED: before, whole: before / 2, other: before / 2 + 7}
    evaluation = Evaluation(
        dataset="photographs",
        layout="",
        split="",
        size=256,
        whole_frame=False,
        date="2026-01-01",
        hardware="a machine",
        composites=tuple(Composite(str(k), "", 0.1) for k in range(4)),
        values={name: dict.fromkeys(METRICS, value) for name, value in scores.items()},
    )
    page = ablations.table(evaluation, recipes, 32, 5).markdown()
    first, second = (line for line in page.splitlines() if line.startswith(("| cdtnet", f"| {other}")))
    assert "50.0 %" in first
    assert "+7.0 (+7.0 to +7.0)" in second
    assert "4 composites" in page
    assert "trained on 32 others" in page
    assert "--samples 32 --count 5" in page


def test_what_was_not_trained_is_left_out(ablations, tmp_path):
    model = CDTNet(Config(base_size=64))
    write_weights(tmp_path / "weights.safetensors", model, {}, ranges=False)
    recipes = dict(ablations.rows(tmp_path / "recipes", ["stages.0.samples=32"]))
    found = {name: load_weights(ablations.trained(tmp_path, recipe)) for name, recipe in recipes.items()}
    assert found["no-image-loss"].config.variant == "cdtnet-sim"
    assert found[ablations.WHOLE].config == model.config
