"""The journal and progress reports of an evaluation, so that long runs can be resumed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DataError, WriteError
from .results import Composite

EVERY = 60.0  # seconds between lines

Found = Mapping[str, Mapping[str, float]]  # method → metric → value
Entry = tuple[Composite, Found]
Add = Callable[[Composite, Found], None]


@contextmanager
def open_journal(path: Path | None, same: Mapping[str, Any]) -> Iterator[tuple[dict[str, Entry], Add]]:
    """Open a journal to resume from; a truncated last line is dropped.

    Args:
        path: The file, created if it does not exist; None stores nothing.
        same: The properties on which the scores depend.

    Yields:
        The scores of earlier runs, by the composites' names, and a function that adds those of a composite.

    Raises:
        DataError: The file is not a journal, or that of another evaluation.
        WriteError: The file cannot be written.
    """
    if path is None:
        yield {}, lambda *_: None
        return
    scores, whole = _read(path, same)
    try:
        with path.open("r+b" if path.exists() else "wb") as stream:
            stream.truncate(whole)
            stream.seek(whole)
            if not whole:
                stream.write(f"{json.dumps(same)}\n".encode())
                stream.flush()
            yield scores, partial(_add, stream)
    except OSError as error:
        raise WriteError(f"The journal {path} cannot be written ({error.strerror}).") from error


def _add(stream: BinaryIO, composite: Composite, found: Found) -> None:
    line = json.dumps({"composite": asdict(composite), "scores": found})
    stream.write(f"{line}\n".encode())
    stream.flush()


def _read(path: Path, same: Mapping[str, Any]) -> tuple[dict[str, Entry], int]:
    """Read the scores of a journal, and the number of bytes of its complete lines."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, 0
    except OSError as error:
        raise DataError(f"The journal {path} cannot be read ({error.strerror}).") from error
    whole = content.rfind(b"\n") + 1
    if not content:
        return {}, 0
    head, *lines = content[:whole].splitlines() or [b"{"]
    try:
        before = json.loads(head)
        differ = sorted(key for key in same if before.get(key) != json.loads(json.dumps(same[key])))
        if differ:
            raise DataError(
                f"The journal {path} is that of an evaluation that differs in {', '.join(differ)}; "
                "give another file."
            )
        contents = [json.loads(line) for line in lines]
        composites = [Composite(**content["composite"]) for content in contents]
        found = [content["scores"] for content in contents]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is not the journal of an evaluation; give another file.") from error
    return {c.name: (c, f) for c, f in zip(composites, found, strict=True)}, whole


class Reports:
    """Progress reports once a minute, if there is no terminal for a progress bar.

    Args:
        total: The number of composites.
        say: Called with the line.
        every: Seconds between lines; None disables them.
    """

    def __init__(self, total: int, say: Callable[[str], None], every: float | None = None):
        self.total, self.say = total, say
        self.every = (float("inf") if sys.stderr.isatty() else EVERY) if every is None else every
        self.done = self.worked = 0
        self.began = self.said = time.monotonic()

    def tick(self, *, worked: bool = True) -> None:
        """Count a composite; those from a journal took no time."""
        self.done, self.worked = self.done + 1, self.worked + worked
        now = time.monotonic()
        if now - self.said >= self.every and self.worked:
            self.said = now
            left = (now - self.began) / self.worked * (self.total - self.done) / 60
            self.say(f"Scored {self.done:,} of {self.total:,}; about {left:,.0f} minutes left.")
