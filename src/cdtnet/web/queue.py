"""A bounded queue of work for a few threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from traceback import clear_frames
from typing import Any

from ..errors import CdtnetError
from ..system.machine import trim_memory

Work = Callable[["Job"], Any]


class QueueFullError(CdtnetError):
    """The queue is full; the client may try again later."""


class JobCancelledError(CdtnetError):
    """The client has gone, so the work stops."""


class Job:
    """A place in a queue, and the state of the work that takes it.

    Attributes:
        outcome: Gets what the work returns or raises; `asyncio.wrap_future` makes it awaitable. Cancelled if
            the work was cancelled before it began.
        done: Parts of the work that are finished.
        total: Parts of the work; 0 as long as that is not known.
    """

    def __init__(self, release: Callable[[Job], None]) -> None:
        self.outcome: Future[Any] = Future()
        self.done = self.total = 0
        self._release = release
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Whether a thread is at work on it."""
        return self.outcome.running()

    def cancel(self) -> None:
        """Drop work that has not begun, and stop work that has at its next `progress`."""
        self._cancelled = True
        self.drop()

    def drop(self) -> None:
        """Cancel the work only if it has not begun."""
        if self.outcome.cancel():
            self._release(self)

    def progress(self, done: int, total: int) -> None:
        """Report progress; called by the work, such as the Harmonizer after each tile.

        Raises:
            JobCancelledError: The work is to end.
        """
        if self._cancelled:
            raise JobCancelledError("The work was cancelled.")
        self.done, self.total = done, total


class WorkQueue:
    """A few threads that process jobs in the order of arrival.

    Args:
        workers: Threads, each of which does one job at a time.
        waiting: Jobs that may wait beyond those that are being done.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self.capacity = workers + waiting
        self._held: set[Job] = set()
        self._line: deque[tuple[Job, Work]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def full(self) -> bool:
        """Whether there is no place for another job."""
        return len(self._held) >= self.capacity

    @property
    def waiting(self) -> int:
        """Jobs that have a place but are not being done yet."""
        return len(self._held) - self.running

    @property
    def running(self) -> int:
        """Jobs that are being done."""
        with self._changed:
            return sum(job.running for job in self._held)

    def submit(self, work: Work) -> Job:
        """Have `work(job)` done by a thread; it is to call `job.progress` now and then.

        Raises:
            QueueFullError: There is no place.
        """
        job = self.reserve()
        self.start(job, work)
        return job

    def reserve(self) -> Job:
        """Take a place before the work can begin: use it with `start`, or give it back with `job.cancel()`.

        Raises:
            QueueFullError: There is no place.
        """
        with self._changed:
            if self._closed or self.full:
                raise QueueFullError(f"All {self.capacity} places are taken; try again later.")
            job = Job(self._release)
            self._held.add(job)
        return job

    def start(self, job: Job, work: Work) -> None:
        """Put the work of a reserved place in line."""
        with self._changed:
            if job in self._held:  # otherwise it was cancelled
                self._line.append((job, work))
                self._changed.notify()

    def close(self) -> None:
        """Take no more jobs, drop those that wait, and return when those that run have ended."""
        with self._changed:
            self._closed = True
            held = list(self._held)
            self._changed.notify_all()
        for job in held:
            job.drop()
        for thread in self._threads:
            thread.join()

    def _release(self, job: Job) -> None:
        """Give its place to others; work that waited is forgotten, and what it holds with it."""
        with self._changed:
            self._held.discard(job)
            self._line = deque(entry for entry in self._line if entry[0] is not job)

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._line or self._closed)
                if not self._line:
                    return
                job, work = self._line.popleft()
            if job.outcome.set_running_or_notify_cancel():
                self._do(job, work)
            del job, work  # a waiting thread must not hold pictures
            trim_memory()  # return their memory to the system

    def _do(self, job: Job, work: Work) -> None:
        """Run the work; the place is free before anyone hears how it ended."""
        try:
            result = work(job)
        except BaseException as error:  # passed on to the waiting caller
            clear_frames(error.__traceback__)  # frames hold pictures
            self._release(job)
            job.outcome.set_exception(error)
            del job  # break the cycle of error, frame and job
        else:
            self._release(job)
            job.outcome.set_result(result)
