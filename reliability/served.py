"""Run `cdtnet serve` as a separate process, and observe its memory, files and jobs."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

SETTLE = 60.0  # seconds in which abandoned work must be dropped


class Server:
    """A server process.

    Args:
        options: The options of `cdtnet serve`.

    Attributes:
        port: The port on which it listens.
        memory: Samples of its resident bytes, two per second.
    """

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "cdtnet", "serve", "--port", "0", "--device", "cpu", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.port = int(self._process.stdout.readline().strip("/\n").rpartition(":")[2])
        self.memory: list[int] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample the memory while the context is open."""
        done = threading.Event()

        def sample() -> None:
            while not done.wait(0.5):
                self.memory.append(self._resident())

        thread = threading.Thread(target=sample)
        thread.start()
        yield
        done.set()
        thread.join()

    @property
    def quarters(self) -> list[float]:
        """Return the median of each quarter of the samples, in bytes."""
        size = max(1, len(self.memory) // 4)
        return [median(self.memory[k * size : (k + 1) * size]) for k in range(4)]

    @property
    def open_files(self) -> int:
        """Return the number of open files and connections, or 0 if the system does not provide it."""
        folder = Path(f"/proc/{self._process.pid}/fd")
        return len(list(folder.iterdir())) if folder.exists() else 0

    def settle(self) -> bool:
        """Wait until no request is running or waiting; return whether that happened in time."""
        end = time.monotonic() + SETTLE
        while time.monotonic() < end:
            if self.health() == {"status": "ready", "running": 0, "waiting": 0}:
                return True
            time.sleep(0.2)
        return False

    def health(self) -> dict[str, object]:
        """Return the answer of `/health`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health") as answer:
            return json.load(answer)

    def stop(self) -> tuple[int, str]:
        """Stop the process; return its exit code and its messages."""
        self._process.terminate()
        _, said = self._process.communicate(timeout=SETTLE)
        return self._process.returncode, said

    def kill(self) -> None:
        """Kill the process if it has not ended."""
        self._process.kill()
        self._process.communicate()

    def _resident(self) -> int:
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return 0
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmRSS"].split()[0]) * 1024
