import pytest

from cdtnet import Harmonizer
from cdtnet.config import Config
from tests.conftest import formula_file
from tests.video.films import composites, mattes, write_film


@pytest.fixture(scope="session")
def harmonizer(tmp_path_factory) -> Harmonizer:
    """A small network that works as those that ship, and whose weights change every color a lot."""
    config = Config(base_size=64, antialias=True, residual=True, second_look=True, close_up=True)
    return Harmonizer(formula_file(tmp_path_factory.mktemp("video"), config), "cpu", engine="openvino")


@pytest.fixture
def pair(tmp_path):
    """clip.mkv and matte.mkv, lossless."""
    clip = write_film(tmp_path / "clip.mkv", composites())
    return clip, write_film(tmp_path / "matte.mkv", mattes())
