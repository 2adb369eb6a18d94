"""The short forms of `reliability/server.py` and `reliability/schema.py`."""

import pytest
from good_requests import MODELS
from schema import OPTIONS, by_hypothesis
from served import Server
from server import abuse

pytestmark = pytest.mark.slow


def test_abuse(small_models):
    table, found = abuse(
        2, clients=5, slow=1, widest=64, seed=0, models=[small_models[name] for name in MODELS]
    )
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
