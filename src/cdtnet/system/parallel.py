"""Applying a function to many items in parallel, with a bounded number in flight."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from itertools import islice
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")

PATIENCE = 0.1  # seconds


def unordered(pool: Executor, work: Callable[[S], T], items: Iterable[S], limit: int) -> Iterator[T]:
    """Yield the results of `work` for each item, in the order of completion.

    Args:
        pool: The executor.
        work: The function.
        items: The items; consumed as earlier ones are completed.
        limit: The largest number of items that are running or waiting.
    """
    queue = iter(items)
    running = {pool.submit(work, item) for item in islice(queue, limit)}
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(work, item) for item in islice(queue, len(done))}
        for future in done:
            yield future.result()


def ordered(pool: Executor, work: Callable[[S], T], items: Iterable[S], limit: int) -> Iterator[T]:
    """Yield the results of `work` in the order of the items; arguments as for `unordered`."""
    running: deque[Future[T]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        if len(running) == limit:
            yield running.popleft().result()
    for future in running:
        yield future.result()


def ahead(
    items: Iterable[T], limit: int, waiting: Callable[[], object] = lambda: None
) -> Generator[T, None, None]:
    """Yield the items of an iterable that runs in a separate thread, at most `limit` items ahead.

    Errors of the iterable are raised here. The thread ends with this generator.

    Args:
        items: The iterable.
        limit: The largest number of items that wait.
        waiting: Called here several times a second while there is no item.
    """
    queue: Queue[tuple[Any, BaseException | None, bool]] = Queue(limit)
    stopped = Event()

    def put(entry: tuple[Any, BaseException | None, bool]) -> bool:
        while not stopped.is_set():
            with suppress(Full):
                queue.put(entry, timeout=PATIENCE)
                return True
        return False

    def make() -> None:
        failure: BaseException | None = None
        try:
            for item in items:
                if not put((item, None, False)):
                    break
            if isinstance(items, Generator):
                items.close()
        except BaseException as error:
            failure = error
        put((None, failure, True))

    thread = Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, failure, last = queue.get(timeout=PATIENCE)
            except Empty:
                waiting()
                continue
            if failure is not None:
                raise failure
            if last:
                return
            yield item
    finally:
        stopped.set()
        thread.join()
