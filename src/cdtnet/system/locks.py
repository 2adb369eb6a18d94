"""Locks on files, released when the process closes them or ends, even if it is killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataError

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ModuleNotFoundError:  # Windows
    flock = None  # type: ignore[assignment]

_BEYOND = (1 << 31) - 1  # on Windows, beyond the content, because other processes cannot read a locked range


def lock(handle: int) -> None:
    """Lock an open file.

    Raises:
        BlockingIOError: Another process has locked it.
        OSError: The file system has no locks.
    """
    if flock is not None:
        flock(handle, LOCK_EX | LOCK_NB)
        return
    import msvcrt

    place = os.lseek(handle, 0, os.SEEK_CUR)
    os.lseek(handle, _BEYOND, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except PermissionError as error:  # as Windows reports locked files
        raise BlockingIOError(error.errno, error.strerror) from error
    finally:
        os.lseek(handle, place, os.SEEK_SET)


@contextmanager
def locked_file(path: Path, refusal: str) -> Iterator[None]:
    """Lock a file in the context.

    Args:
        path: The file; created if it does not exist.
        refusal: The error message if another process has locked it.

    Raises:
        DataError: Another process has locked it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        try:
            lock(handle)
        except OSError as error:
            raise DataError(refusal) from error
        yield
    finally:
        os.close(handle)
