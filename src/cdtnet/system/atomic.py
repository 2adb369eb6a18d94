"""Files that are written completely or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import WriteError
from .locks import lock

LONGEST_NAME = 255  # bytes, on nearly all file systems
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}\.tmp")


def write_file(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Write a file atomically; see `new_file`.

    Raises:
        WriteError: The folder is missing or cannot be written, or the disk is full; nothing was changed.
    """
    with new_file(path) as stream:
        stream.write(data)


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing, and replace the old one when the block ends and the new one is on disk.

    A new file gets the permissions of the umask, an existing one keeps its own; a link keeps pointing to the
    file that is replaced. If the block raises an error, the old file is unchanged. If the process is killed,
    `.NAME.????????.tmp` stays beside it until `remove_leftovers`.

    Raises:
        WriteError: The folder is missing or cannot be written, or the disk is full.
    """
    check_target(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f"{_prefix(target)}{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            with contextlib.suppress(OSError):  # not every file system has locks
                lock(stream.fileno())  # protects it from `remove_leftovers`
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(OSError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror}); check the folder's permissions and the free space."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, if they do not exist.

    Raises:
        WriteError: The folder cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"The folder {path} cannot be created: {error.strerror}.") from error


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove temporary files of `new_file` whose process was killed."""
    for path in paths:
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError), _held(path):  # another process may be writing it
                path.unlink()


def leftovers_of(path: str | os.PathLike[str]) -> list[Path]:
    """List the temporary files of killed or running processes that write this file."""
    target = Path(os.path.realpath(path))
    with contextlib.suppress(OSError):
        return [entry for entry in target.parent.iterdir() if entry.name.startswith(_prefix(target))]
    return []


def _prefix(target: Path) -> str:
    """Return the prefix of temporary names: short, because names have at most 255 bytes, up to 4 a letter."""
    return f".{target.name[:48]}."


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Check whether two names are the same file, by spelling, symbolic link or hard link."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # one does not exist
        return os.path.realpath(one) == os.path.realpath(other)


def check_target(path: str | os.PathLike[str]) -> None:
    """Check, before any work is done, that a file can have this path.

    Raises:
        WriteError: The folder is missing, the name is too long, or the path is not a file.
    """
    target = Path(os.path.realpath(path))
    if len(os.fsencode(target.name)) > LONGEST_NAME:
        raise WriteError(
            f"{path} cannot be written, because its name is longer than {LONGEST_NAME} bytes; shorten it."
        )
    if not target.parent.is_dir():
        raise WriteError(f"{path} cannot be written, because its folder does not exist; create it first.")
    if target.exists() and not target.is_file():
        raise WriteError(f"{path} cannot be written, because it is not a file; give the name of a file.")


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Lock a file in the context, on systems where a locked file can be removed.

    Raises:
        OSError: Another process has locked it.
    """
    if os.name == "nt":  # Windows does not remove open files
        yield
        return
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        lock(handle)
        yield
    finally:
        os.close(handle)
