"""Graceful stops on Ctrl-C and SIGTERM."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class StopSignal:
    """A context that records SIGINT or SIGTERM in `received`; a second signal has its usual effect."""

    def __init__(self) -> None:
        self.received = False

    def __enter__(self) -> "StopSignal":
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.received = True
        signal.signal(number, self._before[number])


@contextmanager
def unbroken() -> Iterator[StopSignal]:
    """Delay Ctrl-C and SIGTERM until the end of the block.

    An exception that they raise in a callback of libvips would be printed and lost.

    Raises:
        KeyboardInterrupt: One of them was received.
    """
    with StopSignal() as signal:
        yield signal
    if signal.received:
        raise KeyboardInterrupt


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():  # other threads may not set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise KeyboardInterrupt
