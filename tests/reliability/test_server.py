"""The short forms of `reliability/server.py` and `reliability/schema.py`."""

import json
from dataclasses import asdict, replace

import pytest
from good_requests import MODELS
from safetensors.numpy import save_file
from schema import OPTIONS, by_hypothesis
from served import Server
from server import abuse

from cdtnet.weights import load_weights

pytestmark = pytest.mark.slow


@pytest.fixture
def small_models(tmp_path):
    """Those that ship, by the same names, analyzing sixteen times fewer pixels."""
    paths = [tmp_path / f"{name}.safetensors" for name in MODELS]
    for path in paths:
        weights = load_weights(path.stem)
        card = {**weights.card, "config": asdict(replace(weights.config, base_size=64))}
        save_file(weights.entries, path, {"cdtnet": json.dumps(card)})
    return [str(path) for path in paths]


def test_abuse(small_models):
    table, found = abuse(2, clients=5, slow=1, widest=64, seed=0, models=small_models)
    broken = [sentence for sentence in found if sentence.startswith("BROKEN")]
    assert [sentence for sentence in broken if "memory" not in sentence] == [], table  # too short to tell


@pytest.fixture
def server():
    server = Server(*OPTIONS)
    yield server
    server.kill()


def test_answers_are_as_the_description_says(server):
    counts = by_hypothesis(server.port, 60, 0)
    assert {status for _, status in counts} >= {200, 400, 422}
