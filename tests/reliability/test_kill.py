"""The short form of `reliability/kill.py`: a few kills; tests/training has those of training."""

import sys
from random import Random

import pytest
from commands import BATCH, COMMANDS
from kill import kill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and forks are others there"),
]


@pytest.mark.parametrize(
    ("command", "name", "kills"),
    [(COMMANDS[0], "SIGKILL", 2), (COMMANDS[1], "SIGTERM", 2), (BATCH, "SIGKILL", 1)],
)
def test_nothing_is_lost(folder, command, name, kills):
    row = kill(command, folder, kills, name, Random(1))
    assert (row.kills, row.half, row.lost) == (kills, 0, 0)
    assert row.old + row.new == kills
