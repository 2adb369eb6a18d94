"""The file of answers survives kills, truncated lines and full disks."""

import json
import resource
import subprocess
import sys

import pytest

from cdtnet.errors import DataError, WriteError
from cdtnet.study.answers import Answer, AnswerFile, read_answers
from cdtnet.study.design import Design
from tests.processes import started

DESIGN = Design(("A", "B"), ("p", "q"), 2, 0.0, 5)


def answer(question=0, choice="left", participant="ann", **changes):
    values = {
        "picture": "p",
        "left": "A",
        "right": "B",
        "repeat": False,
        "seconds": 1.5,
        "time": "2026-01-01T00:00:00+00:00",
    }
    return Answer(participant, question, choice=choice, **{**values, **changes})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "answers.jsonl"


def written(path):
    file = AnswerFile(path)
    file.append("study", DESIGN)
    file.append("participant", {"participant": "ann", "number": 0, "time": "now"})
    file.append("answer", answer(0))
    file.append("answer", answer(1, "same"))
    file.close()
    return path


def test_what_is_written_is_read(path):
    record = read_answers(written(path))
    assert record.design == DESIGN
    assert record.participants == {"ann": 0}
    assert record.answers == {("ann", 0): answer(0), ("ann", 1): answer(1, "same")}
    assert record.damaged == 0
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == [
        "study", "participant", "answer", "answer",
    ]  # fmt: skip


def test_a_later_line_corrects(path):
    file = AnswerFile(written(path))
    file.append("answer", answer(1, "right"))
    file.close()
    assert read_answers(path).answers["ann", 1].choice == "right"
    assert len(path.read_text().splitlines()) == 5


def test_a_cut_last_line_costs_that_line_alone(path):
    whole = written(path).read_bytes()
    last = len(whole[:-1]) - whole[:-1].rfind(b"\n")
    for cut in (1, 2, 3, last // 2, last - 2, last - 1, last):
        path.write_bytes(whole[:-cut])
        lost = cut > 1
        assert (("ann", 1) not in read_answers(path).answers) == lost
        file = AnswerFile(path)
        file.append("answer", answer(1, "left"))
        file.close()
        record = read_answers(path)
        assert record.answers["ann", 0] == answer(0)
        assert record.answers["ann", 1].choice == "left"
        assert record.damaged == (lost and cut < last)


def test_a_full_disk_is_reported_and_harms_no_other_line(path):
    file = AnswerFile(written(path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 30, limits[1]))
    try:
        with pytest.raises(WriteError):
            file.append("answer", answer(1, "right"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    file.append("answer", answer(1, "left"))
    file.close()
    record = read_answers(path)
    assert record.damaged == 1
    assert record.answers["ann", 1].choice == "left"


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(path):
    code = (
        "import sys, itertools\nfrom pathlib import Path\n"
        "from cdtnet.study.answers import AnswerFile\nfrom tests.study.test_answers import answer\n"
        "file = AnswerFile(Path(sys.argv[1]))\n"
        "for k in itertools.count():\n    file.append('answer', answer(k))\n    print(k, flush=True)\n"
    )
    with started([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as process:
        acknowledged = [int(process.stdout.readline()) for _ in range(20)][-1]
        process.kill()
        acknowledged = max([acknowledged, *map(int, process.communicate()[0].split())])
    record = read_answers(path)
    assert {("ann", k) for k in range(acknowledged + 1)} <= record.answers.keys()


def test_one_server_at_a_time(path):
    first = AnswerFile(path)
    with pytest.raises(WriteError, match="another server"):
        AnswerFile(path)
    first.close()
    AnswerFile(path).close()


@pytest.mark.parametrize(
    "line",
    [
        "[1, 2]",
        '"text"',
        "{}",
        '{"kind": "study", "methods": ["A"], "pictures": [], "pairs": 1, "repeat_share": 0, "seed": 0}',
        '{"kind": "participant"}',
        '{"kind": "answer", "participant": "ann"}',
        json.dumps({"kind": "answer", **vars(answer(7, "up"))}),
        json.dumps({"kind": "answer", **vars(answer("7"))}),
        json.dumps({"kind": "answer", **vars(answer(7, right="A"))}),
        json.dumps({"kind": "other", **vars(answer(7))}),
        "\x00\x00\x00",
    ],
)  # fmt: skip
def test_lines_without_sense_are_counted_and_passed_over(path, line):
    with written(path).open("a") as stream:
        stream.write(line + "\n")
    record = read_answers(path)
    assert record.damaged == 1
    assert len(record.answers) == 2
    assert record.design == DESIGN


def test_a_missing_file_or_folder_is_explained(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_answers(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="cannot be read"):
        read_answers(tmp_path)
    with pytest.raises(WriteError, match="cannot be written"):
        AnswerFile(tmp_path / "no" / "folder.jsonl")
