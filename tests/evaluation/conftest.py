import pytest

from cdtnet.weights import write_weights


@pytest.fixture(scope="session")
def weights(official_model, tmp_path_factory) -> str:
    """A file of weights that change every colour a lot, at base size 64."""
    path = tmp_path_factory.mktemp("weights") / "formula.safetensors"
    write_weights(path, official_model, {})
    return str(path)
