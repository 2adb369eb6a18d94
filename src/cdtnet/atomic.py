"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import WriteError

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}\.tmp")


def write_file(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Write a file whole; see `new_file`.

    Raises:
        WriteError: The folder is missing or cannot be written, or the disk is full; nothing has changed
            then.
    """
    with new_file(path) as stream:
        stream.write(data)


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to be written, so that its old content stays until the new one is safely on disk.

    A new file gets the permissions that the umask grants, an old one keeps its own; a link keeps pointing to
    the file that is replaced. If the block ends with an error, nothing has changed.

    Raises:
        WriteError: The folder is missing or cannot be written, or the disk is full.
    """
    check_target(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:64]}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(OSError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror}); check the folder's permissions and the free space."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, if it is not there.

    Raises:
        WriteError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"The folder {path} cannot be made: {error.strerror}.") from error


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove those files that `new_file` has begun and not finished, because its process was killed."""
    for path in paths:
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def check_target(path: str | os.PathLike[str]) -> None:
    """Find out, before any work is done, whether a path could be the name of a file.

    Raises:
        WriteError: The folder is missing, or something else than a file has that name.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise WriteError(f"{path} cannot be written, for its folder does not exist; create the folder first.")
    if target.exists() and not target.is_file():
        raise WriteError(f"{path} cannot be written, for it is not a file; give the name of a file.")
