"""The short form of `reliability/full_disk.py`: some stages, for commands that write one file or several."""

import sys

import pytest
from commands import BATCH, COMMANDS, Run
from full_disk import (
    limited,
    may_mount,
    may_write_anywhere,
    mounted,
    read_only,
    result,
    unreadable,
    vanishing,
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")]


@pytest.mark.parametrize(("command", "limits"), [(COMMANDS[1], [300, 100_000]), (BATCH, [1000])])
def test_full_by_a_limit(folder, command, limits):
    row = limited(command, folder, limits, result(command, folder))
    assert row.tried == len(limits)
    assert not row.broken, row


@pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here")
def test_a_full_file_system(folder):
    row = mounted(COMMANDS[1], folder, [100_000])
    assert not row.broken, row


@pytest.mark.skipif(may_write_anywhere(), reason="the superuser may read and write anywhere")
@pytest.mark.parametrize("forbidden", [read_only, unreadable])
def test_what_may_not_be_written_or_read(folder, forbidden):
    row = forbidden(COMMANDS[1], folder)
    assert not row.broken, row


def test_composites_vanish_and_come_back(folder):
    row = vanishing(folder)
    assert not row.broken, row


def test_enough_room_is_enough(folder):
    assert Run(COMMANDS[1].words, folder, 10_000_000).end() == 0
