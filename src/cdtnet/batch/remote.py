"""Files at an address: S3, Google Cloud Storage and others that fsspec supports."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, TypeVar

from ..datasets.tree import is_clutter
from ..errors import DataError, WriteError, needs

LOCK = ".cdtnet.lock"
LEASE = 60.0  # seconds after which a lock that was not renewed is invalid
_PATIENCE = (0.5, 2.0, 8.0)  # delays before retries in seconds
_FINAL = (FileNotFoundError, FileExistsError, PermissionError, NotImplementedError)
_CHANGING = (
    "ETag",
    "etag",
    "md5Hash",
    "mtime",
    "created",
)  # metadata that changes with a file

T = TypeVar("T")


class Remote:
    """A writable tree of files at an address; `files` lists it, and so does the first use.

    Attributes:
        root: The address.
    """

    append_every = 5.0

    def __init__(self, root: str) -> None:
        with needs("ray", f"An address such as {root}"):
            from fsspec.core import url_to_fs
        self.root = root.rstrip("/")
        try:
            self._system, base = url_to_fs(self.root, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise DataError(f"{root} cannot be used: {error}.") from error
        self._base = base.rstrip("/")
        self._listing: dict[str, dict[str, Any]] | None = None

    def __reduce__(self) -> tuple[type[Remote], tuple[str]]:
        return Remote, (self.root,)

    def files(self) -> list[str]:
        """List the paths of all current files, sorted."""
        self._listing = self._list()
        return sorted(self._listing)

    def exists(self, path: str) -> bool:
        """Check whether the file existed at the last listing."""
        return path in self._listed()

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        return bytes(_patiently(lambda: self._system.cat_file(self._at(path))))

    def stamp(self, path: str) -> str:
        """Return a value that changes with the file, as of the last listing."""
        info = self._listed()[path]
        return f"{info['size']}-{next((info[key] for key in _CHANGING if key in info), '')}".replace('"', "")

    def write(self, path: str, data: bytes) -> None:
        """Write a file; an upload is only visible when it is complete."""
        try:
            _patiently(lambda: self._system.pipe_file(self._at(path), data))
        except OSError as error:
            raise WriteError(f"{self.root}/{path} cannot be written ({error}).") from error

    def append(self, path: str, data: bytes) -> None:
        """Write another part of a file."""
        self.write(f"{path}.{time.time_ns()}", data)

    def remove(self, path: str) -> None:
        """Remove a file."""
        _patiently(lambda: self._system.rm_file(self._at(path)))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude other runs by a lock file that is renewed regularly, and invalid after a minute without."""
        refusal = f"Another run writes to {self.root}, or was killed within the last minute; try again later."
        if self._lock_age() < LEASE:
            raise DataError(refusal)
        with contextlib.suppress(FileNotFoundError):
            self.remove(LOCK)
        try:
            self._system.pipe_file(self._at(LOCK), b"locked", mode="create")
        except FileExistsError as error:
            raise DataError(refusal) from error
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(ended,), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()
            self.remove(LOCK)

    def _lock_age(self) -> float:
        """Return the seconds since the lock was renewed; infinite without a lock."""
        try:
            renewed: datetime = self._system.modified(self._at(LOCK))
        except FileNotFoundError:
            return float("inf")
        except Exception as error:  # stores raise errors of their own types
            raise DataError(f"{self.root} cannot be used: {error}.") from error
        return (datetime.now(timezone.utc) - renewed.astimezone(timezone.utc)).total_seconds()

    def _keep(self, ended: threading.Event) -> None:
        while not ended.wait(LEASE / 6):
            with contextlib.suppress(WriteError):
                self.write(LOCK, b"locked")

    def _list(self) -> dict[str, dict[str, Any]]:
        start = len(self._base) + 1
        try:
            found = _patiently(lambda: self._system.find(self._base, detail=True))
        except OSError as error:
            raise DataError(f"{self.root} cannot be read ({error}).") from error
        named = ((path[start:], info) for path, info in found.items())
        return {
            path: info for path, info in named if path and not path.endswith("/") and not is_clutter(path)
        }

    def _listed(self) -> dict[str, dict[str, Any]]:
        if self._listing is None:
            self._listing = self._list()
        return self._listing

    def _at(self, path: str) -> str:
        return f"{self._base}/{path}"


def _patiently(action: Callable[[], T], waits: tuple[float, ...] = _PATIENCE) -> T:
    """Retry an action after temporary failures of the network or a busy store.

    Raises:
        OSError: It failed each time, or for a reason that stays.
    """
    try:
        return action()
    except _FINAL:
        raise
    except Exception as error:  # stores raise errors of their own types
        if not waits:
            raise OSError(str(error)) from error
    time.sleep(waits[0])
    return _patiently(action, waits[1:])
