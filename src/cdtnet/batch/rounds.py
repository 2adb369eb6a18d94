"""The rounds of a batch: find open jobs, process them, and record the results; once or repeatedly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..datasets.layouts.base import Unmatched
from ..errors import DataError
from .jobs import BatchJob, Jobs
from .results import Results
from .running import Todo
from .stores import stamp
from .work import BatchRecord


@dataclass(frozen=True)
class Batch:
    """A batch on this machine or a cluster.

    Attributes:
        results: The table of results.
        work: Harmonizes pictures and yields their records.
        begin: Called with the number of pictures before a round.
        report: Called with each record, the number of finished pictures and the number of all in this round.
        stopped: Returns whether to stop.
    """

    results: Results
    work: Callable[[Sequence[Todo]], Iterator[BatchRecord]]
    begin: Callable[[int], None]
    report: Callable[[BatchRecord, int, int], None]
    stopped: Callable[[], bool]

    def once(self, found: Jobs) -> int:
        """Process all open jobs, and return the number of jobs that were done before."""
        for sentence in found.problems:
            self._end(BatchRecord("", "", "", "failed", sentence), 0, 0)
        self._skip(found.skipped)
        stamped = [(job, _stamp(job)) for job in found.jobs]
        todo = [(job, inputs) for job, inputs in stamped if self.results.ended(job.output, inputs) != "done"]
        self._do(todo)
        return len(stamped) - len(todo)

    def watch(self, find: Callable[[], Jobs], pause: float) -> None:
        """Process new pictures until stopped, each as soon as its file and its mask no longer change.

        Args:
            find: Lists the jobs.
            pause: Seconds between listings.
        """
        before: dict[str, str] = {}
        skipped: set[str] = set()
        while not self.stopped():
            found = _there(find)
            self._skip([sentence for sentence in found.skipped if sentence not in skipped])
            skipped.update(found.skipped)
            now = {job.output: (job, _stamp(job)) for job in found.jobs}
            self._do(
                [
                    (job, inputs)
                    for output, (job, inputs) in now.items()
                    if before.get(output) == inputs and self.results.ended(output, inputs) is None
                ]
            )
            before = {output: inputs for output, (_, inputs) in now.items()}
            time.sleep(pause)

    def _skip(self, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            self._end(BatchRecord("", "", "", "skipped", sentence), 0, 0)

    def _do(self, todo: Sequence[Todo]) -> None:
        if not todo:
            return
        self.begin(len(todo))
        for done, record in enumerate(self.work(todo), start=1):
            self._end(record, done, len(todo))

    def _end(self, record: BatchRecord, done: int, total: int) -> None:
        self.results.add(record)
        self.report(record, done, total)


def _there(find: Callable[[], Jobs]) -> Jobs:
    """Return the jobs whose files exist; a missing mask, or the picture of a mask, may still arrive."""
    try:
        found = find()
    except DataError:
        return Jobs([], [], [])
    return found._replace(skipped=[each for each in found.skipped if not isinstance(each, Unmatched)])


def _stamp(job: BatchJob) -> str:
    """Return a value that changes with composite or mask; "" if one is missing."""
    try:
        return f"{stamp(job.composite)} {stamp(job.mask)}"
    except DataError:
        return ""
