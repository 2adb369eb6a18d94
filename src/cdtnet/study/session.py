"""A running study: participants, questions, and answers."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock

from ..errors import CdtnetError, DataError
from .answers import Answer, AnswerFile, Choice, StudyRecord, read_answers
from .design import Design, Question


class UnknownParticipantError(CdtnetError):
    """The participant does not exist."""


class WrongQuestionError(CdtnetError):
    """The question is neither the next one nor the last one answered."""


class Study:
    """A study with its file of answers; threads may share it.

    A file with answers of the same study is continued, with its seed.

    Args:
        design: Methods, pictures and numbers; its seed is only used for a new file.
        path: The .jsonl file of answers.

    Raises:
        DataError: The file contains another study.
        WriteError: The file cannot be written.
    """

    def __init__(self, design: Design, path: Path) -> None:
        self._file = AnswerFile(path)
        self._lock = Lock()
        try:
            record = read_answers(path)
            _check_same(design, record, path)
        except DataError:
            self._file.close()
            raise
        if record.design is None:
            self._file.append("study", design)
        self.design = record.design or design
        self._numbers = record.participants
        self._choices: dict[str, list[Choice]] = {name: [] for name in self._numbers}
        for (name, question), answer in sorted(record.answers.items()):
            if question == len(self._choices.get(name, "")):
                self._choices[name].append(answer.choice)

    def join(self) -> str:
        """Add a participant to the file, and return their random name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            number = 1 + max(self._numbers.values(), default=-1)
            self._file.append("participant", {"participant": name, "number": number, "time": _now()})
            self._choices[name] = []
            self._numbers[name] = number
        return name

    def questions(self, participant: str) -> tuple[Question, ...]:
        """Return the participant's plan.

        Raises:
            UnknownParticipantError: There is no such participant.
        """
        if participant not in self._numbers:
            raise UnknownParticipantError("This study has no such participant; start again.")
        return self.design.plan(self._numbers[participant])

    def choices(self, participant: str) -> list[Choice]:
        """Return the participant's choices so far, in order."""
        self.questions(participant)
        return list(self._choices[participant])

    def answer(self, participant: str, question: int, choice: Choice, seconds: float) -> None:
        """Store a choice, or replace the last one; it is on disk when this returns.

        Raises:
            UnknownParticipantError: There is no such participant.
            WrongQuestionError: The question is neither the next one nor the last one answered.
            WriteError: The answer could not be stored and does not count.
        """
        plan = self.questions(participant)
        with self._lock:
            choices = self._choices[participant]
            if not max(0, len(choices) - 1) <= question < min(len(choices) + 1, len(plan)):
                raise WrongQuestionError("This pair has been answered already or is not yet due.")
            shown = asdict(plan[question])
            self._file.append(
                "answer",
                Answer(participant, question, **shown, choice=choice, seconds=round(seconds, 2), time=_now()),
            )
            choices[question:] = [choice]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _check_same(design: Design, record: StudyRecord, path: Path) -> None:
    if record.design is None:
        if record.participants or record.answers:
            raise DataError(f"{path} contains answers without their study; give another file.")
        return
    ours, theirs = asdict(design), asdict(record.design)
    differing = [name.replace("_", " ") for name in ours if name != "seed" and ours[name] != theirs[name]]
    if differing:
        raise DataError(
            f"{path} belongs to a study with other {' and '.join(differing)}; "
            "start that study, or give another file."
        )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
