import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "reliability"))  # whose commands these tests run in short


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The input files of the commands in `reliability/commands.py`."""
    from commands import write_inputs

    path = tmp_path_factory.mktemp("commands") / "work"
    path.mkdir()
    write_inputs(path, pictures=4)
    return path
