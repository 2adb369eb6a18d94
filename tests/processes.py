"""Starting processes that end with their test, and waiting for conditions."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
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


class Served:
    """A program that serves a page until a block ends; start() again after kill() takes the same port."""

    def __init__(self) -> None:
        self.port, self._open = 0, ExitStack()

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        self._open.close()

    def start(self) -> None:
        raise NotImplementedError

    def begin(self, *command: object, **options: Any) -> None:
        """Start a verb, which prints its address."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        whole = [sys.executable, "-m", "cdtnet", *command, "--port", self.port]
        self.process = self._open.enter_context(started(whole, **pipes, **options))
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.process.communicate()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def send(self, method: str, path: str, body: Any, headers: Any) -> tuple[HTTPResponse, bytes]:
        """An answer, and what it holds."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response, response.read()


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
