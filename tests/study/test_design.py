from collections import Counter

import pytest

from cdtnet.errors import DataError
from cdtnet.study.design import Design


def design(methods=4, pictures=10, pairs=20, repeat_share=0.1, seed=7):
    return Design(
        tuple("ABCDEF"[:methods]), tuple(f"p{k}" for k in range(pictures)), pairs, repeat_share, seed
    )


def duel(question):
    return frozenset((question.left, question.right))


def fresh(plan):
    return [question for question in plan if not question.repeat]


@pytest.mark.parametrize(("methods", "pictures"), [(2, 1), (2, 5), (3, 4), (4, 10), (5, 7), (4, 4)])
def test_a_cycle_asks_everything_once(methods, pictures):
    study = design(methods, pictures, pairs=1, repeat_share=0)
    total = pictures * methods * (methods - 1) // 2
    asked = Counter((q.picture, duel(q)) for number in range(total) for q in study.plan(number))
    assert len(asked) == total
    assert set(asked.values()) == {1}


def test_every_stretch_is_balanced():
    study = design(methods=4, pictures=10, pairs=20)
    for number in range(12):
        questions = fresh(study.plan(number))
        assert len({(q.picture, duel(q)) for q in questions}) == 20
        assert set(Counter(q.picture for q in questions).values()) == {2}
        duels = Counter(map(duel, questions))
        assert len(duels) == 6
        assert max(duels.values()) - min(duels.values()) <= 2


def test_all_pairs_of_a_small_study_come_once_for_everyone():
    study = design(methods=3, pictures=3, pairs=50, repeat_share=0)
    for number in range(5):
        assert len({(q.picture, duel(q)) for q in study.plan(number)}) == len(study.plan(number)) == 9


def test_sides_are_balanced_and_differ_between_people():
    study = design(methods=2, pictures=20)
    for number in range(5):
        lefts = Counter(q.left for q in fresh(study.plan(number)))
        assert lefts == {"A": 10, "B": 10}
    assert len({study.plan(number)[0].left for number in range(10)}) == 2
    first = [[q.picture for q in study.plan(number)] for number in range(2)]
    assert first[0] != first[1]


def test_repeats_come_late_with_sides_exchanged():
    study = design(repeat_share=0.2)
    plan = study.plan(3)
    repeats = [(place, q) for place, q in enumerate(plan) if q.repeat]
    assert len(plan) == 24
    assert len(repeats) == 4
    for place, repeat in repeats:
        earlier = [
            k
            for k, q in enumerate(plan)
            if (q.picture, q.left, q.right) == (repeat.picture, repeat.right, repeat.left)
        ]
        assert len(earlier) == 1
        assert place - earlier[0] >= 4


def test_a_plan_depends_on_seed_and_number_alone():
    assert design(seed=1).plan(4) == design(seed=1).plan(4)
    assert design(seed=1).plan(4) != design(seed=2).plan(4)
    assert design(seed=1).plan(4) != design(seed=1).plan(5)


@pytest.mark.parametrize("wrong", [{"methods": 1}, {"pictures": 0}, {"pairs": 0}, {"repeat_share": 0.6}])
def test_nothing_to_compare(wrong):
    with pytest.raises(DataError):
        design(**wrong)
