"""The table of results: a line of JSON per picture, from which an interrupted run resumes."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from ..errors import DataError
from ..imaging.formats import has_picture_suffix
from .stores import Store
from .work import BatchOptions, BatchRecord

RESULTS = "results.jsonl"
SETTINGS = "batch.json"


class Results:
    """The table of finished pictures of a batch, stored beside them.

    Attributes:
        counts: The numbers of pictures that were "done", "failed" and "skipped" since it was opened, and of
            done pictures by outcome.
    """

    def __init__(self, store: Store, options: BatchOptions) -> None:
        """Read the table of earlier runs. The store must be locked.

        Raises:
            DataError: Earlier runs had other options, the table is damaged, or the store contains other
                pictures.
        """
        self.counts: Counter[str] = Counter()
        self._store, self._mutex = store, threading.Lock()
        self._pending, self._flushed = b"", time.monotonic()
        self._begin(options.describe())
        table = self._tidy(problems=False)
        self._ended = {output: (record["status"], record["inputs"]) for output, record in table.items()}

    def ended(self, output: str, inputs: str) -> str | None:
        """Return the last status of these files: "done", "failed", or None if they were not processed."""
        status, before = self._ended.get(output, (None, ""))
        return status if before == inputs else None

    def add(self, record: BatchRecord) -> None:
        """Write a line at once, or within seconds if appending is expensive."""
        with self._mutex:
            self.counts.update(filter(None, (record.status, record.outcome)))
            self._ended[record.output] = record.status, record.inputs
            self._pending += json.dumps(asdict(record)).encode() + b"\n"
            if time.monotonic() - self._flushed >= self._store.append_every:
                self._flush()

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Reduce the table to one line per picture at the end."""
        try:
            yield
        finally:
            self._flush()
            self._tidy(problems=True)

    def _begin(self, options: dict[str, Any]) -> None:
        """Store the options, or compare them with those of earlier runs."""
        files = self._store.files()
        if SETTINGS not in files:
            if other := next((path for path in files if has_picture_suffix(path)), None):
                raise DataError(
                    f"{self._store.root} contains pictures that are not from this batch, such as {other}; "
                    "choose another folder for the results."
                )
            self._store.write(SETTINGS, json.dumps(options, indent=2).encode() + b"\n")
            return
        before = self._parse(SETTINGS, self._store.read(SETTINGS))
        for name, value in options.items():
            if before.get(name) != value:
                raise DataError(
                    f"{self._store.root} was started with {name} {before.get(name)}, not {value}; "
                    "give the same value, or choose another folder for the results."
                )

    def _tidy(self, *, problems: bool) -> dict[str, dict[str, Any]]:
        """Merge all parts of the table, with the last line of each picture if its file exists.

        Args:
            problems: Whether to keep the lines of composites that cannot have a result.
        """
        files = set(self._store.files())
        parts = sorted(path for path in files if path.startswith(f"{RESULTS}."))
        read = [self._store.read(path) for path in (RESULTS, *parts) if path in files]
        lines = [line for data in read for line in _whole_lines(data)]
        latest: dict[str, tuple[bytes, dict[str, Any]]] = {}
        for line in lines:
            record = self._parse(RESULTS, line)
            output = record["output"]
            if output in files or (record["status"] != "done" and (output or problems)):
                latest[output or record["reason"]] = line, record
        table = b"".join(line + b"\n" for line, _ in latest.values())
        if table != b"".join(read) or parts or RESULTS not in files:
            self._store.write(RESULTS, table)
        for path in parts:
            self._store.remove(path)
        return {output: record for output, (_, record) in latest.items()}

    def _parse(self, path: str, data: bytes) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads(data)
            assert isinstance(record, dict)
            assert path != RESULTS or {"output", "status", "inputs"} <= record.keys()
        except (ValueError, AssertionError) as error:
            raise DataError(
                f"{path} in {self._store.root} is damaged; choose another folder for the results."
            ) from error
        return record

    def _flush(self) -> None:
        if self._pending:
            self._store.append(RESULTS, self._pending)
            self._pending, self._flushed = b"", time.monotonic()


def _whole_lines(data: bytes) -> list[bytes]:
    """Return complete lines; those truncated by a kill or a power cut are dropped."""
    return [line for line in data.split(b"\n")[:-1] if b"\0" not in line]
