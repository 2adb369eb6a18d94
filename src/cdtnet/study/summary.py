"""What a file of answers says: scores, wins, and how far the participants can be relied on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from .answers import Answer, Record, read_answers
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
        methods: Names, the most preferred first; the order of everything below.
        scores: (M,) Bradley–Terry log-odds, mean 0.
        intervals: (M, 2) ends of the 95 % intervals.
        interval_method: What the intervals rest on, in words.
        wins: (M, M) how often the row's method was preferred over the column's; "no difference" is half a win
            for each.
        participants: How many people answered at least once.
        answers: How many first answers there are, which is what the scores rest on.
        same: How many of them are "no difference".
        left: How many of them are "left"; about half of the others, unless a side is favoured.
        repeated: How many pairs were asked and answered twice.
        alike: How many of these were answered alike both times.
        problems: What to be careful about, a sentence each.
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
        DataError: The file is missing, unreadable, or holds no answers.
    """
    record = read_answers(path)
    first = [answer for answer in record.answers.values() if not answer.repeat]
    if not first:
        raise DataError(f"{path} holds no answers yet.")
    methods = _methods(record, first)
    people = sorted({answer.participant for answer in first})
    by_person = np.zeros((len(people), len(methods), len(methods)))
    for answer in first:
        left, right = methods.index(answer.left), methods.index(answer.right)
        person, share = (
            people.index(answer.participant),
            {"left": 1.0, "same": 0.5, "right": 0.0}[answer.choice],
        )
        by_person[person, left, right] += share
        by_person[person, right, left] += 1 - share
    wins = by_person.sum(0)
    scores = fit_scores(wins)
    if len(people) < MIN_BOOTSTRAP:
        intervals = information_intervals(wins)
        how = f"observed information, answers taken as independent: fewer than {MIN_BOOTSTRAP} participants"
    else:
        intervals, how = bootstrap_intervals(by_person), f"bootstrap over {len(people)} participants"
    order = np.argsort(-scores, kind="stable")
    repeated, alike = _consistency(record.answers.values())
    return Summary(
        methods=tuple(methods[k] for k in order),
        scores=scores[order],
        intervals=intervals[order],
        interval_method=how,
        wins=wins[np.ix_(order, order)],
        participants=len(people),
        answers=len(first),
        same=sum(answer.choice == "same" for answer in first),
        left=sum(answer.choice == "left" for answer in first),
        repeated=repeated,
        alike=alike,
        problems=tuple(filter(None, (find_problem(wins, methods), _damage(record)))),
    )


def _methods(record: Record, answers: Iterable[Answer]) -> tuple[str, ...]:
    """All methods of the study, those without any answer included."""
    named = {name for answer in answers for name in (answer.left, answer.right)}
    return tuple(sorted(named | set(record.design.methods if record.design else ())))


def _consistency(answers: Iterable[Answer]) -> tuple[int, int]:
    """How many pairs were answered twice, and how many of them alike."""
    preferred: dict[tuple[str, str, frozenset[str]], dict[bool, str]] = {}
    for answer in answers:
        pair = (answer.participant, answer.picture, frozenset((answer.left, answer.right)))
        winner = {"left": answer.left, "right": answer.right, "same": ""}[answer.choice]
        preferred.setdefault(pair, {})[answer.repeat] = winner
    twice = [both for both in preferred.values() if len(both) == 2]
    return len(twice), sum(both[False] == both[True] for both in twice)


def _damage(record: Record) -> str | None:
    if not record.damaged:
        return None
    lines = "One line" if record.damaged == 1 else f"{record.damaged} lines"
    return (
        f"{lines} of the file could not be read and did not count; a server killed while writing leaves one."
    )
