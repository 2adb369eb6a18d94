"""The summary of a file of answers: scores, wins, and the consistency of participants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from .answers import Answer, StudyRecord, read_answers
from .scores import (
    MIN_BOOTSTRAP,
    FloatArray,
    bootstrap_intervals,
    find_problem,
    fit_scores,
    information_intervals,
)


@dataclass(frozen=True)
class Summary:
    """The outcome of a study.

    Attributes:
        methods: The names, the most preferred first; the order of all arrays.
        scores: (M,), Bradley–Terry log-odds, mean 0.
        intervals: (M, 2), the ends of the 95 % intervals.
        interval_method: How the intervals were computed, in words.
        wins: (M, M), how often the row's method was preferred over the column's; "no difference" is half a
            win for each.
        participants: The number of participants with answers.
        answers: The number of first answers, from which scores are computed.
        same: The number of first answers that are "no difference".
        left: The number of first answers that are "left"; about half of the others, unless a side is favored.
        repeated: The number of pairs that were answered twice.
        alike: The number of these that were answered alike both times.
        problems: Warnings, as sentences.
    """

    methods: tuple[str, ...]
    scores: FloatArray
    intervals: FloatArray
    interval_method: str
    wins: FloatArray
    participants: int
    answers: int
    same: int
    left: int
    repeated: int
    alike: int
    problems: tuple[str, ...]


def summarize(path: Path) -> Summary:
    """Score a file of answers.

    Raises:
        DataError: The file is missing, unreadable, or contains no answers.
    """
    record = read_answers(path)
    first = [answer for answer in record.answers.values() if not answer.repeat]
    if not first:
        raise DataError(f"{path} contains no answers yet.")
    methods = _methods(record, first)
    by_person = _wins_by_person(first, methods)
    wins = by_person.sum(0)
    scores = fit_scores(wins)
    intervals, how = _intervals(by_person)
    order = np.argsort(-scores, kind="stable")
    repeated, alike = _consistency(record.answers.values())
    return Summary(
        methods=tuple(methods[k] for k in order),
        scores=scores[order],
        intervals=intervals[order],
        interval_method=how,
        wins=wins[np.ix_(order, order)],
        participants=len(by_person),
        answers=len(first),
        same=sum(answer.choice == "same" for answer in first),
        left=sum(answer.choice == "left" for answer in first),
        repeated=repeated,
        alike=alike,
        problems=tuple(filter(None, (find_problem(wins, methods), _damage(record)))),
    )


def _methods(record: StudyRecord, answers: Iterable[Answer]) -> tuple[str, ...]:
    """Return all methods of the study, including those without answers."""
    named = {name for answer in answers for name in (answer.left, answer.right)}
    return tuple(sorted(named | set(record.design.methods if record.design else ())))


def _wins_by_person(answers: Iterable[Answer], methods: tuple[str, ...]) -> FloatArray:
    """Return (P, M, M), how often each participant preferred the row's method over the column's."""
    wins: defaultdict[str, FloatArray] = defaultdict(lambda: np.zeros((len(methods), len(methods))))
    for answer in answers:
        left, right = methods.index(answer.left), methods.index(answer.right)
        share = {"left": 1.0, "same": 0.5, "right": 0.0}[answer.choice]
        wins[answer.participant][left, right] += share
        wins[answer.participant][right, left] += 1 - share
    return np.stack([wins[name] for name in sorted(wins)])


def _intervals(wins: FloatArray) -> tuple[FloatArray, str]:
    """Return the 95 % intervals, and a description of the method."""
    if len(wins) >= MIN_BOOTSTRAP:
        return bootstrap_intervals(wins), f"bootstrap over {len(wins)} participants"
    how = f"observed information, as if answers were independent: fewer than {MIN_BOOTSTRAP} participants"
    return information_intervals(wins.sum(0)), how


def _consistency(answers: Iterable[Answer]) -> tuple[int, int]:
    """Return the number of pairs that were answered twice, and of those answered alike."""
    preferred: dict[tuple[str, str, frozenset[str]], dict[bool, str]] = {}
    for answer in answers:
        pair = (answer.participant, answer.picture, frozenset((answer.left, answer.right)))
        winner = {"left": answer.left, "right": answer.right, "same": ""}[answer.choice]
        preferred.setdefault(pair, {})[answer.repeat] = winner
    twice = [both for both in preferred.values() if len(both) == 2]
    return len(twice), sum(both[False] == both[True] for both in twice)


def _damage(record: StudyRecord) -> str | None:
    if not record.damaged:
        return None
    lines = "One line" if record.damaged == 1 else f"{record.damaged} lines"
    return (
        f"{lines} of the file could not be read and did not count; a server killed while writing leaves one."
    )
