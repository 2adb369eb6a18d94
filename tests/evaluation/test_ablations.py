"""The benchmark of docs/ablations.md, without the training."""

import sys
from pathlib import Path

import numpy as np
import pytest

from cdtnet.evaluation.metrics import METRICS
from cdtnet.evaluation.results import UNTOUCHED, Composite, Evaluation

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
    page = ablations.table(evaluation, recipes, 32).markdown()
    first, second = (line for line in page.splitlines() if line.startswith(("| cdtnet", f"| {other}")))
    assert "50.0 %" in first
    assert "+7.0 (+7.0 to +7.0)" in second
    assert "4 composites" in page
    assert "trained on 32 others" in page
