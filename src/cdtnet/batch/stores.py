"""Sources and destinations of pictures: a folder, or an address for fsspec such as s3://bucket/folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ..datasets.tree import Entry, Folder, Tree
from ..errors import DataError, WriteError
from ..system.atomic import make_folder, remove_leftovers, write_file
from ..system.locks import locked_file
from .remote import LOCK, Remote


class Store(Tree, Protocol):
    """A writable tree."""

    append_every: float
    """The interval between calls of `append` in seconds."""

    def write(self, path: str, data: bytes) -> None:
        """Write a file atomically, with its folders; raise WriteError if that fails."""

    def append(self, path: str, data: bytes) -> None:
        """Append to a file, or write another part, `path.NUMBER`, if files cannot be appended to."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def locked(self) -> AbstractContextManager[None]:
        """Exclude other runs; raise DataError if one is running."""


def is_address(name: str) -> bool:
    """Check whether a name is an address for fsspec instead of a path."""
    return "://" in name


def open_store(name: str) -> Store:
    """Open a folder, which need not exist yet, or the store at an address."""
    return Remote(name) if is_address(name) else LocalFolder(Path(name))


def entry_of(name: str) -> Entry:
    """Return the file with a name or address."""
    if is_address(name):
        folder, _, file = name.rpartition("/")
        return Entry(Remote(folder), file)
    path = Path(name)
    return Entry(Folder(path.parent), path.name)


def stamp(entry: Entry) -> str:
    """Return a value that changes with a file: its size, and its time or the store's checksum.

    Raises:
        DataError: The file does not exist, or cannot be read.
    """
    try:
        if isinstance(entry.tree, Remote):
            return entry.tree.stamp(entry.path)
        root = Path(entry.tree.root)
        status = os.stat(str(entry) if root.is_dir() else root)
    except KeyError as error:
        raise DataError(f"{entry} does not exist.") from error
    except OSError as error:
        raise DataError(f"{entry} cannot be read ({error.strerror}).") from error
    return f"{status.st_size}-{status.st_mtime_ns}"


class LocalFolder(Folder):
    """A writable folder on disk."""

    append_every = 0.0

    def write(self, path: str, data: bytes) -> None:
        """Write a file, unless a link leads out of the folder."""
        target = self.root / path
        if not Path(os.path.realpath(target)).is_relative_to(os.path.realpath(self.root)):
            raise WriteError(
                f"{target} is not written, because a link points outside {self.root}; remove the link."
            )
        make_folder(target.parent)
        write_file(target, data)

    def append(self, path: str, data: bytes) -> None:
        """Append to a file, completely or not at all, and flush it to disk."""
        try:
            with (self.root / path).open("ab", buffering=0) as stream:
                length = stream.tell()
                try:
                    while data:
                        data = data[stream.write(data) :]
                except OSError:
                    stream.truncate(length)  # removes an incomplete line
                    raise
                os.fsync(stream.fileno())
        except OSError as error:
            raise WriteError(f"{self.root / path} cannot be written ({error.strerror}).") from error

    def remove(self, path: str) -> None:
        """Remove a file."""
        (self.root / path).unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other runs, and remove incomplete files of killed ones."""
        make_folder(self.root)
        with locked_file(self.root / LOCK, f"Another run writes to {self.root}; wait for it, or stop it."):
            remove_leftovers(self.root / path for path in self.files())
            yield
