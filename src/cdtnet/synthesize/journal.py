"""The finished photos of a data set, a line of JSON each, so that an interrupted run can resume."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..errors import DataError
from ..system.atomic import write_file
from .tasks import Finished, Row

JOURNAL = ".synthesize.jsonl"


class Journal:
    """The journal of a data set, in its folder; the first line has the options.

    Attributes:
        path: The file.
        finished: The finished photos, by name.
    """

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        """Read the journal, if there is one.

        Raises:
            DataError: The data set was made with other options, or the journal is damaged.
        """
        self.path, self._options = folder / JOURNAL, options
        self.finished: dict[str, Finished] = {}
        if not self.path.exists():
            return
        lines = self.path.read_bytes().split(b"\n")[:-1]  # a truncated last line is computed again
        try:
            _compare(json.loads(lines[0]) if lines else options, options, folder)
            for line in lines[1:]:
                name, rows, problems = json.loads(line)
                self.finished[name] = Finished(name, [Row(*row) for row in rows], problems)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{self.path} is damaged ({error}); remove the folder and start again."
            ) from error

    def check(self, names: Collection[str]) -> None:
        """Refuse to resume with other photos.

        Raises:
            DataError: The journal has photos that are not among `names`.
        """
        gone = sorted(self.finished.keys() - set(names))
        if gone:
            raise DataError(
                f"{self.path.parent} was started with photos that are missing now, such as {gone[0]!r}; "
                "give another --output or --name."
            )

    @contextmanager
    def writing(self) -> Iterator[TextIO]:
        """Open the file for `add`; at the end, write it again, sorted."""
        self._rewrite()
        with self.path.open("a", encoding="utf-8") as stream:
            yield stream
        self._rewrite()

    def add(self, stream: TextIO, finished: Finished) -> None:
        """Write the result of a photo at once."""
        self.finished[finished.name] = finished
        stream.write(_line(finished))
        stream.flush()

    def _rewrite(self) -> None:
        lines = [_line(self.finished[name]) for name in sorted(self.finished)]
        write_file(self.path, "".join([json.dumps(self._options) + "\n", *lines]).encode())


def _line(finished: Finished) -> str:
    return json.dumps([finished.name, finished.rows, finished.problems]) + "\n"


def _compare(before: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    for option in now:
        if before.get(option) != now[option]:
            raise DataError(
                f"{folder} was started with {option} {before.get(option)}, not {now[option]}; "
                "give the same value, or another --output or --name."
            )
