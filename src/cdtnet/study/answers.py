"""The file of a study: one JSON object per line, flushed to disk before it is acknowledged."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal, cast

from ..errors import DataError, WriteError
from ..system.atomic import sync_folder
from ..system.locks import lock
from .design import Design

Choice = Literal["left", "right", "same"]
CHOICES: tuple[Choice, ...] = ("left", "right", "same")


@dataclass(frozen=True)
class Answer:
    """An answer; a later line for the same participant and question replaces it.

    Attributes:
        participant: The random name of the participant.
        question: The index in the participant's plan, from 0.
        picture: The stem of the picture.
        left: The method on the left.
        right: The method on the right.
        choice: "left", "right", or "same" for no difference.
        repeat: Whether the pair was shown for the second time.
        seconds: The time that the pair was on the screen.
        time: The time of the answer, UTC, ISO 8601.
    """

    participant: str
    question: int
    picture: str
    left: str
    right: str
    choice: Choice
    repeat: bool
    seconds: float
    time: str


@dataclass
class StudyRecord:
    """The contents of a file of answers.

    Attributes:
        design: The study's design, or None if the file has none.
        participants: The number of each participant, by random name.
        answers: The last answer to each (participant, question).
        damaged: The number of unreadable lines; a kill while writing leaves one.
    """

    design: Design | None = None
    participants: dict[str, int] = field(default_factory=dict)
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    damaged: int = 0


def read_answers(path: Path) -> StudyRecord:
    """Read a file of answers, even while a server is writing to it.

    Raises:
        DataError: The file is missing or unreadable.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist; give the file that `cdtnet study serve --answers` wrote."
        ) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); check the file and its permissions."
        ) from error
    record = StudyRecord()
    record.damaged = sum(not _take(record, line) for line in lines if line)
    return record


def _take(record: StudyRecord, line: bytes) -> bool:
    """Add a line to the record; return False if it is invalid."""
    try:
        entry = json.loads(line)
        kind = entry.pop("kind")
        if kind == "study":
            methods, pictures = tuple(entry.pop("methods")), tuple(entry.pop("pictures"))
            record.design = Design(methods, pictures, **entry)
        elif kind == "participant":
            record.participants[entry["participant"]] = int(entry["number"])
        else:
            answer = Answer(**entry)
            if kind != "answer" or not _is_sound(answer):
                return False
            record.answers[answer.participant, answer.question] = answer
    except (ValueError, TypeError, KeyError, AttributeError, DataError):
        return False
    return True


def _is_sound(answer: Answer) -> bool:
    names = (answer.participant, answer.picture, answer.left, answer.right, answer.time)
    return (
        all(isinstance(name, str) for name in names)
        and isinstance(answer.question, int)
        and isinstance(answer.seconds, (int, float))
        and answer.left != answer.right
        and answer.choice in CHOICES
    )


class AnswerFile:
    """A file of answers, open for appending by one server at a time.

    Args:
        path: The .jsonl file; created if it does not exist.

    Raises:
        WriteError: The file cannot be opened, or another server uses it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        try:
            self._descriptor = os.open(
                path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666
            )
            lock(self._descriptor)
            sync_folder(path.absolute().parent)
        except BlockingIOError as error:
            raise WriteError(
                f"{path} is in use by another server; stop that server, or give another file."
            ) from error
        except OSError as error:
            raise WriteError(f"{path} cannot be written ({error.strerror}); check the folder.") from error

    def append(self, kind: str, entry: object) -> None:
        """Append a line and flush it to disk.

        Args:
            kind: "study", "participant" or "answer".
            entry: A dataclass or dict.

        Raises:
            WriteError: The disk is full or missing. A partial line does not affect others.
        """
        values = entry if isinstance(entry, dict) else asdict(cast(Any, entry))
        line = json.dumps({"kind": kind, **values}, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            try:
                self._write(line if self._at_line_start() else b"\n" + line)
                os.fsync(self._descriptor)
            except OSError as error:
                raise WriteError(f"{self.path} cannot be written ({error.strerror}).") from error

    def close(self) -> None:
        """Release the file for other servers."""
        os.close(self._descriptor)

    def _at_line_start(self) -> bool:
        """Check whether the file is empty or ends with a complete line; a kill may truncate the last one."""
        if os.lseek(self._descriptor, 0, os.SEEK_END) == 0:
            return True
        os.lseek(self._descriptor, -1, os.SEEK_END)
        return os.read(self._descriptor, 1) == b"\n"

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]
