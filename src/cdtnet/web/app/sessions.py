"""The sessions of open pages, limited in number, bytes and age; the least recently used one is dropped."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ...errors import CdtnetError
from ..queue import Job
from .photos import Photo
from .work import Outcome

SESSIONS = 16
MEMORY = 4 << 30  # bytes of pixels in all sessions together
AGE = 3600.0  # seconds without a request


class UnknownSessionError(CdtnetError):
    """The session has ended, or the server was restarted."""


@dataclass
class Session:
    """The session of an open page.

    Attributes:
        uploads: The pictures by role; a new one replaces the old one.
        outcome: The latest outcome.
        job: The latest job, done or not.
        used: The time of the last request, by the clock.
    """

    uploads: dict[str, Photo] = field(default_factory=dict)
    outcome: Outcome | None = None
    job: Job | None = None
    used: float = 0.0

    def find(self, identifier: str) -> Photo | None:
        """Return the picture with this id."""
        return next((photo for photo in self._photos() if photo.id == identifier), None)

    @property
    def nbytes(self) -> int:
        """The memory of pixels in bytes."""
        photos = {photo.id: photo for photo in self._photos()}  # a composite may be both upload and result
        kept = self.outcome.nbytes if self.outcome else 0
        return kept + sum(photo.nbytes for photo in photos.values())

    def _photos(self) -> list[Photo]:
        results = self.outcome.photos.values() if self.outcome else ()
        return [*self.uploads.values(), *results]


class Sessions:
    """All sessions, least recently used first.

    Args:
        limit: The largest number of sessions.
        memory: The limit of all pixels in bytes; the latest session alone may exceed it.
        age: Seconds without a request after which a session is dropped.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        limit: int = SESSIONS,
        memory: int = MEMORY,
        age: float = AGE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._memory, self._age, self._clock = limit, memory, age, clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self) -> str:
        """Open an empty session, and return its name, which cannot be guessed."""
        name = secrets.token_urlsafe(24)
        self._sessions[name] = Session(used=self._clock())
        self.trim()
        return name

    def use(self, name: str) -> Session:
        """Return a session, and mark it as the most recently used.

        Raises:
            UnknownSessionError: The session does not exist, or has ended.
        """
        self.trim()
        session = self._sessions.pop(name, None)
        if session is None:
            raise UnknownSessionError("This session has ended; open a new one.")
        session.used = self._clock()
        self._sessions[name] = session
        return session

    def close(self, name: str) -> None:
        """Remove a session and stop its job."""
        session = self._sessions.pop(name, None)
        if session and session.job:
            session.job.cancel()

    def trim(self) -> None:
        """Drop expired sessions, then the least recently used ones beyond the limits, except the last one."""
        oldest = self._clock() - self._age
        for name in [name for name, session in self._sessions.items() if session.used < oldest]:
            self.close(name)
        for name in list(self._sessions)[:-1]:
            held = sum(session.nbytes for session in self._sessions.values())
            if len(self._sessions) > self._limit or held > self._memory:
                self.close(name)
