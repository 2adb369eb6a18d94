import errno
import importlib
import os
import sys
from types import SimpleNamespace

import pytest

from cdtnet.system import locks


def test_a_file_is_held_once_until_it_is_closed(tmp_path):
    first, second = (os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT) for _ in range(2))
    locks.lock(first)
    with pytest.raises(BlockingIOError):
        locks.lock(second)
    os.close(first)
    locks.lock(second)
    os.close(second)


@pytest.fixture
def windows(monkeypatch):
    """The module as loaded on Windows, and the positions that it locks there."""
    places = []

    def locking(handle, mode, length):
        place = os.lseek(handle, 0, os.SEEK_CUR)
        if place in places:
            raise PermissionError(errno.EACCES, "Permission denied")
        places.append(place)

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    yield importlib.reload(locks), places
    monkeypatch.undo()
    importlib.reload(locks)


def test_on_windows_the_content_stays_readable(windows, tmp_path):
    module, places = windows
    with open(tmp_path / "file", "w+b") as stream:
        stream.write(b"content")
        stream.flush()
        module.lock(stream.fileno())
        stream.write(b", and more")
    assert (tmp_path / "file").read_bytes() == b"content, and more"
    assert places[0] > 1 << 30


def test_on_windows_a_second_process_is_told_the_same(windows, tmp_path):
    module, _ = windows
    with open(tmp_path / "file", "w+b") as stream:
        module.lock(stream.fileno())
        with pytest.raises(BlockingIOError):
            module.lock(stream.fileno())
