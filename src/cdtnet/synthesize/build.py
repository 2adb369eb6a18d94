"""Running tasks in processes, so that an interrupted run can resume and ends with the same files."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import DataError, WriteError
from ..system.atomic import remove_leftovers
from ..system.parallel import unordered
from ..system.signals import unbroken
from .journal import JOURNAL, Journal
from .tasks import Finished, Folder, Task


@dataclass(frozen=True)
class Built:
    """The result of a build.

    Attributes:
        finished: The results of photos, sorted by name.
        made: The number of photos processed in this run.
        problems: A sentence for each source that was skipped.
    """

    finished: tuple[Finished, ...]
    made: int
    problems: tuple[str, ...]


def build(
    tasks: Sequence[Task],
    folder: Folder,
    options: dict[str, Any],
    *,
    workers: int = 1,
    fail: bool = False,
    progress: Callable[[Finished], object] = lambda finished: None,
) -> Built:
    """Make the missing composites of a data set.

    Args:
        tasks: One task per photo.
        folder: The output folder.
        options: Options that must not change when a run resumes.
        workers: The number of processes; 1 uses this process.
        fail: Whether to stop at a source that cannot be used, instead of skipping it.
        progress: Called with each finished photo, those of earlier runs first.

    Raises:
        DataError: The folder was made with other options or photos; a source cannot be used and `fail` is
            set; or no composite could be made.
        WriteError: The folder cannot be written.
    """
    _prepare(folder.path)
    journal = Journal(folder.path, options)
    journal.check([task.name for task in tasks])
    missing = []
    for task in tasks:
        done = journal.finished.get(task.name)
        if done and not done.problems and all(map(folder.is_whole, done.rows)):
            progress(done)
        else:
            missing.append(task)
    with journal.writing() as stream:
        for finished in _run_all(missing, folder, workers):
            if fail and finished.problems:
                raise DataError(finished.problems[0])
            journal.add(stream, finished)
            progress(finished)
    everything = tuple(journal.finished[name] for name in sorted(journal.finished))
    problems = tuple(dict.fromkeys(sentence for finished in everything for sentence in finished.problems))
    if not any(finished.rows for finished in everything):
        raise DataError(f"No composite could be made: {problems[0] if problems else 'there are no sources.'}")
    return Built(everything, len(missing), problems)


def _prepare(folder: Path) -> None:
    """Make the folder, or remove incomplete files of a killed run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ours = *folder.glob("composite_images/*"), *folder.glob("sources.csv"), *folder.glob("contact.jpg")
        if ours and not (folder / JOURNAL).exists():
            raise DataError(f"{ours[0]} is not from this command; give another --output or --name.")
        remove_leftovers(
            [*folder.parent.glob(".IHD_*.tmp"), *folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")]
        )
    except OSError as error:
        raise WriteError(f"The folder {folder} cannot be written: {error.strerror}.") from error


def _run_all(tasks: Sequence[Task], folder: Folder, workers: int) -> Iterator[Finished]:
    if workers == 1 or len(tasks) < 2:
        for task in tasks:
            with unbroken():
                finished = _run(task, folder)
            yield finished
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, initializer=_start_worker)
    try:
        yield from unordered(pool, partial(_run, folder=folder), tasks, 3 * workers)
    except BrokenProcessPool as error:
        raise DataError(
            "A worker process died, perhaps for lack of memory; try again with fewer --workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _run(task: Task, folder: Folder) -> Finished:
    try:
        return task.run(folder)
    except DataError as error:
        return Finished(task.name, [], [str(error)])


def _start_worker() -> None:
    """Use one core per worker, and exit when the parent process exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["VIPS_CONCURRENCY"] = "1"
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: Any) -> None:
    parent.join()
    os._exit(1)
