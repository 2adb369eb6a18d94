from itertools import pairwise
from pathlib import Path

import pytest

from cdtnet.errors import DataError
from cdtnet.training.recipe import Losses, Recipe, load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"

SMALL = """
about: Something small.
model: {variant: cdtnet, base_size: 16}
data: {kind: triplets, root: data}
stages:
  - {trains: [color_mapping, refinement], size: 32, batch: 4, epochs: 2}
"""


@pytest.fixture
def small(tmp_path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path / "small.yaml"


def test_defaults_are_the_published_ones(small):
    stage = load_recipe(small).stages[0]
    assert (stage.rate, stage.weight_decay, stage.clip, stage.smallest_foreground) == (1e-3, 0.0, None, 100)
    assert stage.losses == Losses(image=1, lut=1, base=1, roughness=0, root=False, composited=False)
    rates = [stage.rate_at(step, 120) for step in range(120)]
    assert rates[:50] == [1e-3] * 50
    assert rates[50:100] == pytest.approx([1e-4] * 50)
    assert rates[100:] == pytest.approx([1e-5] * 20)


def test_a_cosine_warms_up_holds_and_falls(small):
    stage = load_recipe(small, ["stages.0.schedule=cosine", "stages.0.warmup=100", "stages.0.rate=1"]).stages[
        0
    ]
    rates = [stage.rate_at(step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == rates[100] == rates[400] == 1.0
    assert all(after <= before for before, after in pairwise(rates[400:]))
    assert rates[-1] == pytest.approx(0.01, rel=0.01)


def test_changes_reach_into_lists_and_sections(small):
    recipe = load_recipe(
        small, ["stages.0.batch=8", "model.luts=2", "data.subsets=[HFlickr]", "initial.generator=x.pth"]
    )
    assert recipe.stages[0].batch == 8
    assert recipe.model.luts == 2
    assert recipe.data.subsets == ("HFlickr",)
    assert recipe.initial == {"generator": "x.pth"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["model.lut=2"], "model: there is no 'lut'; did you mean 'luts'?"),
        (["stages.0.epoch=2"], "stages.0: there is no 'epoch'; did you mean 'epochs'?"),
        (["data.rooot=x"], "there is no 'rooot'; did you mean 'root'?"),
        (["stages.0.losses.imagee=2"], "there is no 'imagee'; did you mean 'image'?"),
        (["stage=3"], "there is no 'stage'; did you mean 'stages'?"),
        (["data.kind=pictures"], "data: "),
        (["model.base_size=255"], "multiple of 8"),
        (["stages.0.smaller=[1024]"], "smaller than"),
        (["stages.0.batch=none"], "stages.0.batch: "),
        (["stages.0.samples=8"], "either samples or epochs"),
        (["stages.0.window=64"], "larger than the picture"),
        (["stages.0.accumulate=3"], "3 equal parts"),
        (["stages=[]"], "at least one stage"),
        (["stages.0.trains=[]"], "at least one part"),
        (["model.variant=is2am"], "is2am has no color_mapping or refinement"),
        (["data={kind: photos, photos: x, held_out: [y]}"], "give samples"),
        (["stages.4.batch=8"], "There is no stages.4.batch"),
        (["batch"], "write KEY=VALUE"),
        (["model.luts=["], "not YAML"),
    ],
)
def test_what_is_wrong_is_said(small, changes, words):
    with pytest.raises(DataError) as error:
        load_recipe(small, changes)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not YAML"),
        ("- 1", "not a table"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("like: elsewhere.yaml", "cannot be read"),
        ("like: itself.yaml", "closes a cycle"),
        ("like: ../{folder}/itself.yaml", "closes a cycle"),
        ("seed: 2026-99-99", "not YAML"),
        pytest.param("seed: " + "9" * 5000, "not YAML", id="long"),
        pytest.param("[" * 3000, "not YAML", id="deep"),
    ],
)
def test_files_that_are_no_recipes(tmp_path, text, words):
    (tmp_path / "itself.yaml").write_text(text.replace("{folder}", tmp_path.name))
    with pytest.raises(DataError, match=words):
        load_recipe(tmp_path / "itself.yaml")


def test_a_recipe_like_another_differs_in_its_own_keys_alone(small):
    other = small.with_name("other.yaml")
    other.write_text("like: small.yaml\nabout: Another.\nmodel.luts: 8\nstages.0.batch: 2\n")
    before, after = load_recipe(small), load_recipe(other)
    changed = before.model_dump()
    changed |= {"about": "Another.", "model": {**vars(before.model), "luts": 8}}
    changed["stages"][0]["batch"] = 2
    assert after == Recipe.model_validate(changed)


def test_ablations_differ_from_the_paper_s_experiment_in_one_thing():
    whole = load_recipe(RECIPES / "cdtnet-256-1024.yaml")
    assert len(list((RECIPES / "ablations").glob("*.yaml"))) == 11
    for path in (RECIPES / "ablations").glob("*.yaml"):
        ablation = load_recipe(path)
        assert ablation.data == whole.data
        assert ablation != whole
        for ours, published in zip(ablation.stages, whole.stages, strict=True):
            schedule = {"size", "batch", "epochs", "rate", "schedule", "precision"}
            assert ours.model_dump(include=schedule) == published.model_dump(include=schedule)


def test_data_of_another_kind_take_the_place_of_a_recipes_own():
    changes = ["data.kind=triplets", "data.root=mine"]
    data = load_recipe(RECIPES / "shipped" / "further.yaml", changes).data
    assert (data.kind, str(data.root)) == ("triplets", "mine")
