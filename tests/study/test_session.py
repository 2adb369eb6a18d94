from concurrent.futures import ThreadPoolExecutor

import pytest

from cdtnet.errors import DataError, WriteError
from cdtnet.study.answers import read_answers
from cdtnet.study.design import Design
from cdtnet.study.session import Study, UnknownParticipantError, WrongQuestionError


def design(seed=1, **changes):
    return Design(
        **{
            "methods": ("A", "B", "C"),
            "pictures": ("p", "q"),
            "pairs": 5,
            "repeat_share": 0.2,
            "seed": seed,
            **changes,
        }
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.jsonl"


@pytest.fixture
def study(path):
    study = Study(design(), path)
    yield study
    study.close()


def test_answers_are_stored_as_they_were_shown(study, path):
    ann = study.join()
    questions = study.questions(ann)
    assert len(questions) == 6
    for k in range(6):
        study.answer(ann, k, ("left", "right", "same")[k % 3], 2.0)
    assert study.choices(ann) == ["left", "right", "same"] * 2
    stored = read_answers(path).answers
    assert [(a.picture, a.left, a.right, a.repeat) for a in stored.values()] == [
        (q.picture, q.left, q.right, q.repeat) for q in questions
    ]


def test_one_step_back_and_no_further(study):
    ann = study.join()
    with pytest.raises(WrongQuestionError):
        study.answer(ann, 1, "left", 1.0)
    study.answer(ann, 0, "left", 1.0)
    study.answer(ann, 1, "left", 1.0)
    study.answer(ann, 1, "right", 1.0)
    with pytest.raises(WrongQuestionError):
        study.answer(ann, 0, "right", 1.0)
    assert study.choices(ann) == ["left", "right"]
    for k in range(2, 6):
        study.answer(ann, k, "same", 1.0)
    with pytest.raises(WrongQuestionError):
        study.answer(ann, 6, "left", 1.0)


def test_a_study_goes_on_where_it_was(path):
    study = Study(design(seed=1), path)
    ann, bob = study.join(), study.join()
    study.answer(ann, 0, "left", 1.0)
    plans = [study.questions(name) for name in (ann, bob)]
    study.close()
    study = Study(design(seed=2), path)
    assert [study.questions(name) for name in (ann, bob)] == plans
    assert (study.choices(ann), study.choices(bob)) == (["left"], [])
    cid = study.join()
    study.close()
    assert read_answers(path).participants == {ann: 0, bob: 1, cid: 2}
    assert len({ann, bob, cid}) == 3


def test_a_file_of_another_study_is_refused_and_left_free(path):
    Study(design(), path).close()
    before = path.read_bytes()
    with pytest.raises(DataError, match="other pictures and pairs;"):
        Study(design(pictures=("p",), pairs=2), path)
    assert path.read_bytes() == before
    Study(design(), path).close()


def test_a_file_that_lost_its_first_line_is_refused(path):
    study = Study(design(), path)
    study.join()
    study.close()
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(DataError, match="without their study"):
        Study(design(), path)


def test_strangers(study):
    with pytest.raises(UnknownParticipantError):
        study.answer("nobody", 0, "left", 1.0)


def test_an_answer_that_cannot_be_stored_does_not_count(study, path):
    ann = study.join()
    study.close()
    with pytest.raises(WriteError):
        study.answer(ann, 0, "left", 1.0)
    assert study.choices(ann) == []
    study.close = lambda: None


def test_many_at_once(path):
    study = Study(design(), path)

    def take_part(_):
        name = study.join()
        for k in range(len(study.questions(name))):
            study.answer(name, k, "left", 1.0)
        return name

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(take_part, range(24)))
    study.close()
    record = read_answers(path)
    assert sorted(record.participants.values()) == list(range(24))
    assert len(record.answers) == 24 * 6
    assert record.damaged == 0
    assert {name for name, _ in record.answers} == set(names)
