import pytest

from cdtnet.weights import write_weights


@pytest.fixture(scope="module")
def weights(official_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "formula.safetensors"
    write_weights(path, official_model, {})
    return str(path)
