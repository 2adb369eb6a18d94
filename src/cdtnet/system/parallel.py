"""Applying a function to many items in parallel, with a bounded number in flight."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def unordered(pool: Executor, work: Callable[[S], T], items: Iterable[S], limit: int) -> Iterator[T]:
    """Yield the results of `work` for each item, in the order of completion.

    Args:
        pool: Who works.
        work: What is done to each item.
        items: Taken one by one, when there is a place.
        limit: How many are submitted at once, running or waiting.
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
