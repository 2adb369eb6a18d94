"""Trees of files: a folder, a zip or a tar archive, read in place by the same methods.

A tree is only a name, so it is cheap to send to another process; archives are opened there when first read.
Links inside archives, and members whose paths leave them, are ignored.
"""

from __future__ import annotations

import lzma
import os
import struct
import tarfile
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol

from ..errors import DataError
from ..system.files import check_regular

# Errors that the standard library raises for inconsistent archives.
_DAMAGED = (
    *(OSError, EOFError, ValueError, IndexError, OverflowError, MemoryError, struct.error, zlib.error),
    *(lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, NotImplementedError),
)
_UNUSABLE = (*_DAMAGED, RuntimeError)  # encrypted, or compressed in an unknown way
_CLUTTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}


class Tree(Protocol):
    """Files by their paths relative to the root, with `/` between the parts."""

    @property
    def root(self) -> Path | str:
        """The folder, the archive file, or an address such as s3://bucket/folder."""

    def files(self) -> list[str]:
        """List the paths of all files, sorted, without files that operating systems add."""

    def exists(self, path: str) -> bool:
        """Check whether a file exists."""

    def read(self, path: str) -> bytes:
        """Read a file; raise OSError, KeyError or DataError if it cannot be read."""


@dataclass(frozen=True)
class Entry:
    """A file of a tree.

    Attributes:
        tree: The tree.
        path: The path relative to its root.
    """

    tree: Tree
    path: str

    def __str__(self) -> str:
        return os.path.join(self.tree.root, self.path)

    def exists(self) -> bool:
        """Check whether the file exists."""
        return self.tree.exists(self.path)

    def read(self) -> bytes:
        """Read the file.

        Raises:
            DataError: The file is missing or cannot be read.
        """
        try:
            return self.tree.read(self.path)
        except (KeyError, FileNotFoundError) as error:
            raise DataError(f"{self} does not exist.") from error
        except _UNUSABLE as error:
            raise DataError(f"{self} cannot be read ({error}).") from error


def open_tree(root: Path) -> Tree:
    """Open a folder, zip or tar archive, compressed or not.

    Raises:
        DataError: The root is missing, or neither a folder nor such an archive.
    """
    if root.is_dir():
        return Folder(root)
    try:
        check_regular(root)
        if zipfile.is_zipfile(root):
            return Zip(root)
        if tarfile.is_tarfile(root):
            return Tar(root)
    except FileNotFoundError as error:
        raise DataError(f"{root} does not exist; check the name.") from error
    except _DAMAGED as error:
        raise DataError(f"{root} cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    raise DataError(f"{root} is neither a folder nor a zip or tar archive; it may be incomplete.")


@dataclass(frozen=True)
class Folder:
    """A folder on disk; links are followed."""

    root: Path

    def files(self) -> list[str]:
        """List the paths of all files, sorted."""
        try:
            return sorted(path for path in _walk(str(self.root)) if not is_clutter(path))
        except OSError as error:
            raise DataError(f"{error.filename} cannot be read ({error.strerror}).") from error

    def exists(self, path: str) -> bool:
        """Check whether a file exists."""
        return os.path.isfile(self.root / path)  # False for impossible names

    def read(self, path: str) -> bytes:
        """Read a file."""
        check_regular(self.root / path)
        return (self.root / path).read_bytes()


@dataclass(frozen=True)
class Zip:
    """A zip archive."""

    root: Path

    def files(self) -> list[str]:
        """List the paths of all files, sorted."""
        return sorted(_open_zip(self.root, _state(self.root), os.getpid())[1])

    def exists(self, path: str) -> bool:
        """Check whether a file exists."""
        return path in _open_zip(self.root, _state(self.root), os.getpid())[1]

    def read(self, path: str) -> bytes:
        """Read a file."""
        archive, members = _open_zip(self.root, _state(self.root), os.getpid())
        return archive.read(members[path])


@dataclass(frozen=True)
class Tar:
    """A tar archive; a compressed one is only fast if it is read in the order of its files."""

    root: Path

    def files(self) -> list[str]:
        """List the paths of all files, sorted."""
        return sorted(_index_tar(self.root, _state(self.root))[1])

    def exists(self, path: str) -> bool:
        """Check whether a file exists."""
        return path in _index_tar(self.root, _state(self.root))[1]

    def read(self, path: str) -> bytes:
        """Read a file."""
        compressed, members = _index_tar(self.root, _state(self.root))
        offset, size = members[path]
        if compressed:
            stream, lock = _decompressed(self.root, _state(self.root), os.getpid())
            with lock:
                return _part(stream, offset, size)
        with self.root.open("rb") as stream:
            return _part(stream, offset, size)


def _walk(folder: str, inside: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above:  # a link to a parent folder
        return
    with os.scandir(folder) as items:
        for item in items:
            if item.is_dir():
                yield from _walk(item.path, f"{inside}{item.name}/", (*above, real))
            else:
                yield inside + item.name


def _state(root: Path) -> tuple[int, int]:
    """Return a value that changes when the archive is replaced."""
    status = root.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=16)
def _open_zip(root: Path, state: object, process: int) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """Open an archive for one process; after a fork, processes would share the position of a handle."""
    try:
        archive = zipfile.ZipFile(root)
    except _DAMAGED as error:
        raise DataError(f"{root} cannot be read ({error}).") from error
    members = {
        path: info
        for info in archive.infolist()
        if _is_plain(info) and (path := _inside(info.filename)) is not None
    }
    return archive, members


def _is_plain(info: zipfile.ZipInfo) -> bool:
    return not info.filename.endswith("/") and (info.external_attr >> 28) != 0xA  # a symbolic link


@lru_cache(maxsize=16)
def _index_tar(root: Path, state: object) -> tuple[bool, dict[str, tuple[int, int]]]:
    """Return whether an archive is compressed, and the offset and size of the content of each file."""
    try:
        compressed = _is_compressed(root)
        with tarfile.open(root, "r:*") as archive:
            members = {
                path: (member.offset_data, member.size)
                for member in archive
                if member.isreg() and not member.issparse() and (path := _inside(member.name))
            }
    except _DAMAGED as error:
        raise DataError(f"{root} cannot be read ({error}).") from error
    if compressed:
        warnings.warn(
            f"{root} is compressed as a whole, so its pictures are slow to read except in their order; "
            "decompress it to a plain .tar, or unpack it.",
            stacklevel=2,
        )
    return compressed, members


def _is_compressed(root: Path) -> bool:
    try:
        tarfile.open(root, "r:").close()
    except tarfile.ReadError:
        return True
    return False


@lru_cache(maxsize=16)
def _decompressed(root: Path, state: object, process: int) -> tuple[BinaryIO, threading.Lock]:
    """Open the content of a compressed archive for one process, with its lock."""
    archive = tarfile.open(root, "r:*")  # noqa: SIM115 - stays open for the next read
    return archive.fileobj, threading.Lock()  # type: ignore[return-value]


def _part(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def _inside(name: str) -> str | None:
    """Normalize a member's path; None if it leaves the archive or is added by operating systems."""
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or ":" in name.split("/")[0]:
        return None
    path = "/".join(parts)
    return None if not parts or is_clutter(path) else path


def is_clutter(path: str) -> bool:
    """Check whether a file was added by an operating system."""
    parts = path.split("/")
    return parts[-1].startswith("._") or not _CLUTTER.isdisjoint(parts)
