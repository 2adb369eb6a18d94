"""Starting processes that end with their test, and waiting for conditions."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PATIENCE = 300  # seconds: a busy machine is no defect


@contextmanager
def started(command: Sequence[object], **options: Any) -> Iterator[subprocess.Popen]:
    """Start a process, and kill it at the end of the block if it still runs."""
    with subprocess.Popen([str(word) for word in command], **options) as process:
        try:
            yield process
        finally:
            process.kill()


def until(
    condition: Callable[[], object], process: subprocess.Popen | None = None, pause: float = 0.005
) -> None:
    """Wait for a condition, which is checked after each pause, in seconds.

    Raises:
        AssertionError: It was not true within `PATIENCE`, or the process ended before.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < end, "It never came."
        time.sleep(pause)
