import numpy as np
import pytest
import torch

from cdtnet.errors import WeightsError
from cdtnet.evaluation.baselines import histogram_matching, mkl, reinhard
from cdtnet.evaluation.methods import load_method
from cdtnet.evaluation.names import BASELINES, label_of
from cdtnet.evaluation.poisson import poisson_blending
from cdtnet.inference.harmonizer import Harmonizer
from cdtnet.model import load_model


@pytest.fixture
def composite(random):
    return random.random((43, 58, 3), dtype=np.float32)


@pytest.fixture
def mask():
    mask = np.zeros((43, 58), np.float32)
    mask[10:30, 12:40] = 1
    mask[30, 12:40] = 0.5
    return mask


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_gives_a_picture_and_keeps_the_background(name, composite, mask):
    result = load_method(name, "cpu").harmonize(composite, mask)
    assert result.shape == composite.shape
    assert result[mask == 0] == pytest.approx(composite[mask == 0], abs=1e-6)
    changed = np.abs(result - composite)[mask == 1].max()
    assert (changed > 0.001) == (name != "composite")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("reinhard", reinhard),
        ("histogram", histogram_matching),
        ("mkl", mkl),
        ("poisson", poisson_blending),
    ],
)
def test_classical_methods_are_what_their_names_say(name, function, composite, mask):
    assert np.array_equal(load_method(name).harmonize(composite, mask), function(composite, mask))


def test_models_are_those_of_the_harmonizer(weights, composite, mask):
    method = load_method(weights, "cpu")
    expected = Harmonizer(weights, "cpu", engine="pytorch")
    assert np.array_equal(method.harmonize(composite, mask), expected(composite, mask).image)
    whole = load_method(weights, "cpu", whole_frame=True).harmonize(composite, mask)
    assert np.array_equal(whole, expected(composite, mask, whole_frame=True).image)
    assert method.network.config.base_size == 64


def test_at_full_size_the_generator_sees_the_picture_itself():
    """A square with the side of the base size is not resized."""
    random = np.random.default_rng(1)
    composite, mask = random.random((64, 64, 3), dtype=np.float32), random.random((64, 64), dtype=np.float32)
    network = load_model("is2am", base_size=64)
    image = torch.from_numpy(composite).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = network(image, torch.from_numpy(mask)[None, None]).image[0].permute(1, 2, 0).numpy()
    method = load_method("is2am-full", "cpu", whole_frame=True)
    assert method.harmonize(composite, mask) == pytest.approx(expected.clip(0, 1), abs=1e-5)


def test_masks_without_foreground_or_background_are_no_matter(weights, composite):
    for value in (0, 1):
        result = load_method(weights, "cpu").harmonize(composite, np.full((43, 58), value, np.float32))
        assert result.shape == composite.shape


def test_labels():
    assert label_of("mkl") == "MKL"
    assert label_of("cdtnet-256") == "cdtnet-256"
    assert label_of("runs/a/my.weights.safetensors") == "my.weights"
    assert label_of("issam256.pth") == "issam256.pth"
    assert label_of("runs/finetune/best.safetensors") == "finetune/best"
    assert label_of("weights.safetensors") == "weights"


def test_an_unknown_name_is_refused():
    with pytest.raises(WeightsError, match="no model 'mlk'"):
        load_method("mlk")
