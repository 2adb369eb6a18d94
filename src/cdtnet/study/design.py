"""The design of a study: the pairs of participants, their order and sides, derived from a seed."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from math import lcm

from ..errors import DataError


@dataclass(frozen=True)
class Question:
    """Two results of a picture, as they are shown.

    Attributes:
        picture: The stem of the picture.
        left: The method on the left (or above, on a narrow screen).
        right: The method on the right.
        repeat: Whether the participant has seen this pair before, with exchanged sides.
    """

    picture: str
    left: str
    right: str
    repeat: bool = False


@dataclass(frozen=True)
class Design:
    """The plan of a study, which depends only on its seed.

    Pairs of methods and pictures form a cycle. Every part of it contains the pairs of methods, and the
    pictures, about equally often. Participants get consecutive parts.

    Attributes:
        methods: At least two names.
        pictures: The stems of pictures of which every method has a result.
        pairs: The number of different pairs per participant, limited to the number of all pairs.
        repeat_share: The share of them that is repeated, 0..0.5.
        seed: The seed of orders and sides.

    Raises:
        DataError: There is nothing to compare, or a number is out of its range.
    """

    methods: tuple[str, ...]
    pictures: tuple[str, ...]
    pairs: int
    repeat_share: float
    seed: int

    def __post_init__(self) -> None:
        if len(self.methods) < 2 or not self.pictures:
            raise DataError("A study needs results of at least one picture by at least two methods.")
        if self.pairs < 1:
            raise DataError("A participant must see at least one pair.")
        if not 0 <= self.repeat_share <= 0.5:
            raise DataError(
                f"The share of repeated pairs must be between 0 and 0.5, not {self.repeat_share:g}."
            )

    def plan(self, number: int) -> tuple[Question, ...]:
        """Return the questions of a participant by number (0, 1, 2, …), in order, with repeats."""
        rng = random.Random(f"{self.seed}/{number}")
        asked = self._stretch(number)
        rng.shuffle(asked)
        questions = _choose_sides(asked, rng)
        half, late = (len(questions) + 1) // 2, (2 * len(questions) + 2) // 3
        count = min(half, round(self.repeat_share * len(questions)))
        repeats = [
            Question(q.picture, q.right, q.left, repeat=True) for q in rng.sample(questions[:half], count)
        ]
        end = questions[late:] + repeats
        rng.shuffle(end)
        return tuple(questions[:late] + end)

    def _stretch(self, number: int) -> list[tuple[str, tuple[str, str]]]:
        """Return the (picture, pair of methods) of a participant, without repeats."""
        rng = random.Random(f"{self.seed}")
        pictures = rng.sample(self.pictures, len(self.pictures))
        duels = list(combinations(self.methods, 2))
        rng.shuffle(duels)
        total, block = len(pictures) * len(duels), lcm(len(pictures), len(duels))
        size = min(self.pairs, total)
        places = (k % total for k in range(number * size, (number + 1) * size))
        return [(pictures[k % len(pictures)], duels[(k + k // block) % len(duels)]) for k in places]


def _choose_sides(asked: list[tuple[str, tuple[str, str]]], rng: random.Random) -> list[Question]:
    """Choose sides so that each method of a pair is on the left half of the time."""
    swapped: defaultdict[tuple[str, str], bool] = defaultdict(lambda: rng.random() < 0.5)
    questions = []
    for picture, duel in asked:
        left, right = reversed(duel) if swapped[duel] else duel
        swapped[duel] = not swapped[duel]
        questions.append(Question(picture, left, right))
    return questions
