"""A file that only one process holds at a time, whatever becomes of that process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataError


@contextmanager
def locked_file(path: Path, refusal: str) -> Iterator[None]:
    """Hold a file; the system lets go of it when the process ends, even if it is killed.

    Args:
        path: The file, made if it is not there.
        refusal: The sentence for who comes second.

    Raises:
        DataError: Another process holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        try:
            _lock(handle)
        except OSError as error:
            raise DataError(refusal) from error
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
