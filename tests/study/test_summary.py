import json

import numpy as np
import pytest

from cdtnet.errors import DataError
from cdtnet.study.answers import AnswerFile
from cdtnet.study.design import Design
from cdtnet.study.report import describe, write_json, write_plot
from cdtnet.study.summary import summarize
from tests.study.test_answers import answer


@pytest.fixture
def path(tmp_path):
    """Ann answers four pairs, one of them twice; Bob answers one and corrects it."""
    path = tmp_path / "answers.jsonl"
    file = AnswerFile(path)
    file.append("study", Design(("A", "B"), ("p", "q", "r", "s"), 4, 0.5, 5))
    for entry in (
        answer(0, "left", picture="p"),
        answer(1, "right", picture="q", left="B", right="A"),
        answer(2, "same", picture="r"),
        answer(3, "right", picture="s"),
        answer(4, "right", picture="p", left="B", right="A", repeat=True),
        answer(5, "left", picture="q", left="B", right="A", repeat=True),
        answer(0, "right", "bob", picture="p"),
        answer(0, "left", "bob", picture="p"),
    ):
        file.append("answer", entry)
    file.close()
    return path


def test_counts(path):
    summary = summarize(path)
    assert summary.methods == ("A", "B")
    assert np.array_equal(summary.wins, [[0, 3.5], [1.5, 0]])
    assert (summary.participants, summary.answers, summary.same, summary.left) == (2, 5, 1, 2)
    assert (summary.repeated, summary.alike) == (2, 1)
    assert summary.scores[0] == pytest.approx(np.log(3.5 / 1.5) / 2, abs=0.01)
    assert "observed information" in summary.interval_method
    assert summary.problems == ()


def test_text(path):
    text = describe(summarize(path))
    assert "A        +0.42" in text
    assert "70%" in text
    assert "2 participants, 5 answers, 1 “no difference”." in text
    assert "50% of the choices fell on the left side." in text
    assert "1 of 2 repeated pairs were answered alike (50%)." in text


def test_enough_people_are_resampled(tmp_path):
    file = AnswerFile(tmp_path / "many.jsonl")
    for person in range(12):
        file.append("answer", answer(0, "left" if person % 3 else "right", f"p{person}"))
    file.close()
    summary = summarize(tmp_path / "many.jsonl")
    assert summary.interval_method == "bootstrap over 12 participants"
    assert summary.intervals[0, 0] < summary.scores[0] < summary.intervals[0, 1]


def test_a_method_nobody_saw_is_listed_and_pointed_out(tmp_path):
    file = AnswerFile(tmp_path / "some.jsonl")
    file.append("study", Design(("A", "B", "C"), ("p",), 3, 0.0, 5))
    file.append("answer", answer(0))
    file.close()
    with (tmp_path / "some.jsonl").open("a") as stream:
        stream.write('{"kind": "answer", "parti')
    summary = summarize(tmp_path / "some.jsonl")
    assert set(summary.methods) == {"A", "B", "C"}
    assert "(A, B; C)" in summary.problems[0]
    assert "One line" in summary.problems[1]


def test_json_holds_all_numbers(path, tmp_path):
    write_json(summarize(path), tmp_path / "scores.json")
    values = json.loads((tmp_path / "scores.json").read_text())
    assert values["methods"] == ["A", "B"]
    assert values["wins"] == [[0, 3.5], [1.5, 0]]
    assert len(values["intervals"][0]) == 2


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_plots(path, tmp_path, suffix, start):
    write_plot(summarize(path), tmp_path / f"plot{suffix}")
    assert (tmp_path / f"plot{suffix}").read_bytes().startswith(start)


def test_other_plots_and_empty_files_are_explained(path, tmp_path):
    with pytest.raises(DataError, match="must end in"):
        write_plot(summarize(path), tmp_path / "plot.docx")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="no answers yet"):
        summarize(tmp_path / "empty.jsonl")
