"""A batch on this machine: a few threads share one harmonizer and a memory budget."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from ..system.parallel import unordered
from .jobs import BatchJob
from .stores import Store
from .work import (
    BatchOptions,
    BatchRecord,
    StoppedError,
    Work,
    attempt,
    begin,
    decode,
    fetch,
    memory,
    render,
    save,
)

if TYPE_CHECKING:
    from ..inference.harmonizer import Harmonizer

Todo = tuple[BatchJob, str]  # a job, and the stamp of its files


@dataclass(frozen=True)
class Machine:
    """The workers of a batch on this machine.

    Attributes:
        harmonizer: Shared by all threads.
        store: The destination of the results.
        options: The options that determine their content.
        workers: The number of pictures processed at a time.
        budget: Approximate memory for pictures in bytes; a larger picture is processed alone.
        stopped: Whether to stop: no new picture is started, and current ones are left for the next run.
    """

    harmonizer: Harmonizer
    store: Store
    options: BatchOptions
    workers: int
    budget: Budget
    stopped: Callable[[], bool]

    def run(self, todo: Iterable[Todo]) -> Iterator[BatchRecord]:
        """Harmonize pictures, and yield their records in the order of completion."""
        go_on = takewhile(lambda _: not self.stopped(), todo)
        with warnings.catch_warnings(), ThreadPoolExecutor(self.workers) as pool:
            warnings.simplefilter("ignore", UserWarning)  # records contain the remarks
            for work in unordered(pool, self._finish, go_on, self.workers + 1):
                if work:
                    yield work.record

    def _finish(self, todo: Todo) -> Work | None:
        """Process one picture from its files to the result; return None if it is left for the next run."""
        if self.stopped():
            return None
        work = attempt(fetch, begin(*todo))
        steps = (
            partial(decode, self.options),
            partial(render, self.options, self.harmonizer, self._progress),
            partial(save, self.options, self.store),
        )
        with self.budget.holding(memory(work)):
            try:
                for step in steps:
                    work = attempt(step, work)
            except StoppedError:
                return None
        return work

    def _progress(self, done: int, total: int) -> None:
        if self.stopped():
            raise StoppedError


class Budget:
    """A memory budget that threads share.

    Args:
        total: The number of bytes; a larger request waits until no other thread holds any.
    """

    def __init__(self, total: int) -> None:
        self._total, self._held = total, 0
        self._changed = threading.Condition()

    @contextmanager
    def holding(self, count: int) -> Iterator[None]:
        """Wait for a number of bytes, and hold them in the context."""
        with self._changed:
            self._changed.wait_for(lambda: self._held == 0 or self._held + count <= self._total)
            self._held += count
        try:
            yield
        finally:
            with self._changed:
                self._held -= count
                self._changed.notify_all()
