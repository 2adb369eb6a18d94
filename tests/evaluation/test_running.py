import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import mean_squared_error

from cdtnet.datasets.samples import open_dataset, read_sample, resize_arrays
from cdtnet.errors import DataError
from cdtnet.evaluation import running
from cdtnet.evaluation.baselines import mkl
from cdtnet.evaluation.methods import load_method
from cdtnet.evaluation.results import Composite, Evaluation
from cdtnet.evaluation.running import evaluate, evaluation_of, examples, score_arrays, telling
from tests.datasets import trees

ABOUT = {"split": "test", "whole_frame": False}


@pytest.fixture
def dataset(tmp_path):
    return open_dataset(trees.iharmony4(tmp_path / "iHarmony4"), split="test")


@pytest.fixture
def methods():
    return {"MKL": load_method("mkl"), "Reinhard": load_method("reinhard")}


@pytest.mark.parametrize("size", [32, "full"])
def test_scores_are_those_of_each_picture(dataset, methods, size):
    found = evaluate(dataset, methods, size, **ABOUT)
    assert (found.dataset, found.layout, found.size) == ("iHarmony4", "iharmony4", size)
    assert found.methods == ("composite", "MKL", "Reinhard")
    assert [composite.name for composite in found.composites] == [sample.name for sample in dataset.samples]
    for index, sample in enumerate(dataset.samples):
        arrays = read_sample(sample)
        if size != "full":
            arrays = resize_arrays(arrays, size)
        real = arrays.real.astype(float)
        assert found.values["composite"]["mse"][index] == pytest.approx(
            mean_squared_error(arrays.composite.astype(float), real)
        )
        output = 255 * mkl(arrays.composite / np.float64(255), arrays.mask / np.float64(255))
        assert found.values["MKL"]["mse"][index] == pytest.approx(mean_squared_error(output, real), rel=1e-5)
        assert found.composites[index].foreground_ratio == pytest.approx(arrays.mask.mean() / 255)
        assert found.composites[index].subset == sample.subset


def test_outputs_are_neither_rounded_nor_out_of_range(dataset):
    arrays = read_sample(dataset.samples[0])
    made = load_method("mkl")
    bright = {"bright": replace(made, harmonize=lambda composite, _: composite * 2 + 0.001)}
    ((label, output),) = running.outputs(bright, arrays)
    assert label == "bright"
    assert output.max() == 255
    assert output.min() == pytest.approx(2 * arrays.composite.min() + 0.255)


def test_a_damaged_sample_is_named_and_skipped(dataset, methods):
    damaged = dataset.samples[1]
    trees.truncate(dataset.root / damaged.name)
    said = []
    found = evaluate(dataset, methods, 32, say=said.append, **ABOUT)
    assert len(found.composites) == 3
    assert damaged.name not in [composite.name for composite in found.composites]
    assert len(said) == len(found.skipped) == 1
    assert damaged.name.rpartition("/")[2] in said[0]


def test_or_ends_the_run(dataset, methods):
    trees.truncate(dataset.root / dataset.samples[1].name)
    with pytest.raises(DataError, match=dataset.samples[1].name.rpartition("/")[2]):
        evaluate(dataset, methods, 32, damaged="fail", **ABOUT)


def test_missing_files_count_as_damaged(dataset, methods, tmp_path):
    (dataset.root / dataset.samples[0].real.path).unlink()
    dataset = open_dataset(dataset.root, split="test")
    assert len(evaluate(dataset, methods, 32, **ABOUT).skipped) == 1
    with pytest.raises(DataError, match="real"):
        evaluate(dataset, methods, 32, damaged="fail", **ABOUT)


def test_without_ground_truth_there_is_nothing_to_score(tmp_path, methods):
    dataset = open_dataset(trees.real_composites(tmp_path / "real"))
    with pytest.raises(DataError, match="no real image"):
        evaluate(dataset, methods, 32, **ABOUT)


def test_a_picture_smaller_than_the_window_is_named(tmp_path, methods):
    dataset = open_dataset(trees.iharmony4(tmp_path / "set"), split="test")
    for part in ("composite", "mask", "real"):
        path = dataset.root / getattr(dataset.samples[0], part).path
        Image.open(path).resize((9, 9)).save(path)
    found = evaluate(dataset, methods, "full", **ABOUT)
    assert len(found.skipped) == 1
    assert "9×9" in found.skipped[0]


def test_memory_stays_flat_over_many_pictures(dataset):
    sample = dataset.samples[0]
    for part in ("composite", "mask", "real"):
        path = dataset.root / getattr(sample, part).path
        Image.open(path).resize((80, 60)).save(path)
    many = tuple(replace(sample, name=f"{i}.jpg") for i in range(120))

    def peak(count):
        tracemalloc.start()
        evaluate(replace(dataset, samples=many[:count]), {}, "full", **ABOUT)
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(2)
    assert peak(120) - peak(40) < 80 * 10_000  # scores take about 1 kB each, a picture would 34 kB


def test_networks_leave_the_background_alone_unless_the_whole_frame_is_asked_for(dataset, weights):
    arrays = read_sample(dataset.samples[0])
    outside = arrays.mask == 0
    # A dark foreground, so that there is much to change.
    dark = np.where(outside[..., None], arrays.composite, arrays.composite // 4)
    arrays = arrays._replace(composite=dark)
    for name in (weights, "is2am-upsampled", "is2am-full"):
        ((_, blended),) = running.outputs({name: load_method(name, "cpu")}, arrays)
        ((_, whole),) = running.outputs({name: load_method(name, "cpu", whole_frame=True)}, arrays)
        assert blended[outside] == pytest.approx(arrays.composite[outside], abs=1e-4)
        assert np.abs(whole[outside] - arrays.composite[outside]).max() > 0.1


def evaluation(drops):
    before = np.full(len(drops), 100.0)
    values = {"composite": {"fmse": before}, "ours": {"fmse": before - drops}}
    composites = tuple(Composite(f"{i}.jpg", "", 0.1) for i in range(len(drops)))
    return Evaluation("set", "pairs", "", 32, False, composites, values)


def test_telling_examples_are_the_best_the_middle_and_the_worst():
    drops = np.array([5, -3, 9, 0, 7, 1, 8, 2, 4, 6, 3])
    kinds = telling(evaluation(drops))
    assert [(drops[index], kind) for index, kind in kinds] == [
        *((drop, "best") for drop in (9, 8, 7)),
        *((drop, "median") for drop in (5, 4, 3)),
        *((drop, "worst") for drop in (1, 0, -3)),
    ]


@pytest.mark.parametrize(
    ("count", "kinds"), [(1, ["best"]), (2, ["best", "worst"]), (4, ["best", "median", "worst"])]
)
def test_few_composites_are_shown_once(count, kinds):
    assert [kind for _, kind in telling(evaluation(np.arange(count)))] == kinds


def test_examples_are_made_again_and_reduced(monkeypatch, dataset, methods):
    monkeypatch.setattr(running, "LONG_SIDE", 8)
    found = evaluate(dataset, methods, "full", **ABOUT)
    shown = list(examples(found, dataset.samples, methods))
    assert [(example.index, example.kind) for example in shown] == telling(found)
    arrays = read_sample(dataset.samples[shown[0].index])
    blocks = arrays.composite.reshape(6, 2, 8, 2, 3).mean((1, 3))
    assert np.abs(shown[0].composite - blocks).max() <= 0.5
    assert shown[0].mask.shape == (6, 8)
    assert list(shown[0].outputs) == ["MKL", "Reinhard"]
    assert shown[0].outputs["MKL"].dtype == np.uint8


def test_scores_can_be_fed_by_hand(dataset, methods):
    entries = [
        score_arrays(methods, sample.name, sample.subset, resize_arrays(read_sample(sample), 32))
        for sample in dataset.samples
    ]
    by_hand = evaluation_of(entries, dataset="x", layout="", size=32, **ABOUT)
    whole = evaluate(dataset, methods, 32, **ABOUT)
    for metric, values in whole.values["MKL"].items():
        assert np.array_equal(by_hand.values["MKL"][metric], values)
