"""The refinement in 8-bit integers: types, ranges, and weights without ranges."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from cdtnet import Harmonizer, WeightsError, load_model
from cdtnet.config import Config
from cdtnet.weights import load_weights, write_weights

from .networks import network

SHIPPED = "cdtnet-256"
pytestmark = pytest.mark.slow


def precisions(harmonizer, name):
    """Return the types of the convolutions' inputs in a graph, as OpenVINO runs them."""
    operations = harmonizer.engine._graphs[name].compile().get_runtime_model().get_ops()
    told = [node.get_rt_info() for node in operations]
    return sorted(each["runtimePrecision"].value for each in told if each["layerType"].value == "Convolution")


@pytest.fixture(scope="module")
def harmonizer():
    return Harmonizer(SHIPPED, "cpu", engine="openvino")


def test_the_two_large_convolutions_are_computed_in_integers(harmonizer):
    composite, mask = np.full((64, 64, 3), 99, np.uint8), np.full((64, 64), 255, np.uint8)
    mask[:, :9] = 0
    harmonizer(composite, mask, apply_anyway=True)
    found = precisions(harmonizer, "refinement, int8")
    assert found[:2] == ["f32", "f32"]
    assert len(found) == 4
    assert {*found[2:]} <= {"i8", "u8"}  # which of them is the processor's choice


def test_no_graph_is_compiled_that_a_picture_does_not_need(photos):
    composite, mask = photos[1]
    harmonizer = Harmonizer(SHIPPED, "cpu", engine="openvino")
    assert harmonizer.engine.fast == "int8"
    harmonizer(composite[::4, ::4], mask[::4, ::4])
    compiled = {name for name, graph in harmonizer.engine._graphs.items() if graph._compiled is not None}
    assert compiled == {"generator", "color_mapping", "lookup", "residual", "refinement, int8"}


def test_the_shipped_ranges_are_those_of_the_shipped_weights():
    """Weights that are not written by `write_weights` must contain ranges, too."""
    stated, own = load_weights(SHIPPED).card["ranges"], load_model(SHIPPED).ranges()
    np.testing.assert_allclose(stated["inputs"], own["inputs"], rtol=1e-3)
    assert stated["hidden"] == pytest.approx(own["hidden"], rel=1e-3)


def test_what_photographs_need_lies_within_the_ranges(photos):
    model, reached = load_model(SHIPPED).requires_grad_(False), {}
    ranges = model.ranges()
    for name, place in (("inputs", 0), ("hidden", 3)):
        model.refinement.convs[place].register_forward_pre_hook(
            lambda _, given, name=name: reached.update({name: given[0].abs().amax((0, 2, 3)).numpy()})
        )
    for image, mask in photos:
        small = image[::3, ::3].transpose(2, 0, 1), mask[None, ::3, ::3]
        model(*(torch.tensor(each, dtype=torch.float32)[None] / 255 for each in small))
        assert (reached["inputs"] <= ranges["inputs"]).all()
        assert reached["hidden"].max() <= ranges["hidden"]


def test_written_weights_carry_ranges_and_older_ones_go_without(tmp_path):
    model = network(Config("cdtnet", base_size=16, residual=True))
    write_weights(tmp_path / "new.safetensors", model, {})
    weights = load_weights(tmp_path / "new.safetensors")
    assert len(weights.card["ranges"]["inputs"]) == 39
    assert "int8" in Harmonizer(tmp_path / "new.safetensors", "cpu", engine="openvino").engine.precisions
    older(weights, tmp_path / "old.safetensors")
    old = Harmonizer(tmp_path / "old.safetensors", "cpu", engine="openvino").engine
    assert old.precisions == ("float32", "bfloat16")
    assert old.fast in old.precisions


def older(weights, path, **card):
    """Return the same weights without ranges, or with others."""
    fields = {**{key: value for key, value in weights.card.items() if key != "ranges"}, **card}
    save_file(weights.entries, path, {"cdtnet": json.dumps(fields)})


def test_a_network_without_refinement_has_no_ranges(tmp_path):
    write_weights(tmp_path / "sim.safetensors", network(Config("cdtnet-sim", base_size=16)), {})
    assert load_weights(tmp_path / "sim.safetensors").card["ranges"] is None


@pytest.mark.parametrize(
    "ranges",
    [
        7,
        {},
        {"inputs": [1.0] * 38, "hidden": 1},
        {"inputs": [1.0] * 39, "hidden": 0},
        {"inputs": "x", "hidden": 1},
    ],
)
def test_ranges_that_are_none_get_a_sentence(tmp_path, ranges):
    write_weights(tmp_path / "new.safetensors", network(Config("cdtnet", base_size=16)), {})
    older(load_weights(tmp_path / "new.safetensors"), tmp_path / "odd.safetensors", ranges=ranges)
    with pytest.raises(WeightsError, match=r"ranges in .* are invalid; write the weights again"):
        Harmonizer(tmp_path / "odd.safetensors", "cpu", engine="openvino")
