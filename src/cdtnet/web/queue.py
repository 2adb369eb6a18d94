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
    """The work was cancelled, for example because the client has disconnected."""


class Job:
    """A place in a queue, and the state of its work.

    Attributes:
        outcome: Receives the result or the error of the work; `asyncio.wrap_future` makes it awaitable.
            Cancelled if the work was cancelled before it started.
        done: The number of finished parts of the work.
        total: The number of all parts; 0 if unknown.
    """

    def __init__(self, release: Callable[[Job], None]) -> None:
        self.outcome: Future[Any] = Future()
        self.done = self.total = 0
        self._release = release
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Whether a thread is processing it."""
        return self.outcome.running()

    def cancel(self) -> None:
        """Drop work that has not started, or stop it at its next `progress`."""
        self._cancelled = True
        self.drop()

    def drop(self) -> None:
        """Cancel the work only if it has not started."""
        if self.outcome.cancel():
            self._release(self)

    def progress(self, done: int, total: int) -> None:
        """Report progress; called by the work, such as by the Harmonizer after each tile.

        Raises:
            JobCancelledError: The work was cancelled.
        """
        if self._cancelled:
            raise JobCancelledError("The work was cancelled.")
        self.done, self.total = done, total


class WorkQueue:
    """A few threads that process jobs in the order of arrival.

    Args:
        workers: The number of threads; each processes one job at a time.
        waiting: The number of jobs that may wait in addition to those being processed.
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
        """Whether all places are taken."""
        return len(self._held) >= self.capacity

    @property
    def waiting(self) -> int:
        """The number of jobs that are not being processed yet."""
        return len(self._held) - self.running

    @property
    def running(self) -> int:
        """The number of jobs that are being processed."""
        with self._changed:
            return sum(job.running for job in self._held)

    def submit(self, work: Work) -> Job:
        """Run `work(job)` in a thread; it should call `job.progress` regularly.

        Raises:
            QueueFullError: All places are taken.
        """
        job = self.reserve()
        self.start(job, work)
        return job

    def reserve(self) -> Job:
        """Reserve a place; use it with `start`, or release it with `job.cancel()`.

        Raises:
            QueueFullError: All places are taken.
        """
        with self._changed:
            if self._closed or self.full:
                raise QueueFullError(f"All {self.capacity} places are taken; try again later.")
            job = Job(self._release)
            self._held.add(job)
        return job

    def start(self, job: Job, work: Work) -> None:
        """Enqueue the work of a reserved place."""
        with self._changed:
            if job in self._held:  # not cancelled
                self._line.append((job, work))
                self._changed.notify()

    def close(self) -> None:
        """Accept no more jobs, drop waiting ones, and return when running ones have ended."""
        with self._changed:
            self._closed = True
            held = list(self._held)
            self._changed.notify_all()
        for job in held:
            job.drop()
        for thread in self._threads:
            thread.join()

    def _release(self, job: Job) -> None:
        """Release its place; waiting work is dropped, with its data."""
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
            del job, work  # so that a waiting thread holds no pictures
            trim_memory()

    def _do(self, job: Job, work: Work) -> None:
        """Run the work; its place is released before the result is reported."""
        try:
            result = work(job)
        except BaseException as error:  # reported to the waiting caller
            clear_frames(error.__traceback__)  # frames hold pictures
            self._release(job)
            job.outcome.set_exception(error)
            del job  # break the cycle of error, frame and job
        else:
            self._release(job)
            job.outcome.set_result(result)
