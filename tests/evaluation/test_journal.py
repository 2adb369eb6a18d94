"""An interrupted evaluation resumes and reports its progress; results of other methods are scored."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cdtnet.datasets.samples import open_dataset, read_sample
from cdtnet.errors import DataError
from cdtnet.evaluation import journal as module
from cdtnet.evaluation.journal import Reports, open_journal
from cdtnet.evaluation.methods import Results, load_method, published_results
from cdtnet.evaluation.running import evaluate
from tests.datasets import trees

ABOUT = {"split": "test", "whole_frame": False}


@pytest.fixture
def dataset(tmp_path):
    return open_dataset(trees.iharmony4(tmp_path / "iHarmony4"), split="test")


def test_an_interrupted_evaluation_goes_on(dataset, tmp_path):
    calls = []
    mkl = load_method("mkl")

    def harmonize(composite, mask):
        calls.append(1)
        return mkl.harmonize(composite, mask)

    methods = {"MKL": replace(mkl, harmonize=harmonize)}
    journal = tmp_path / "journal.jsonl"
    stops = iter([False, False, False, True])
    with pytest.raises(KeyboardInterrupt):
        evaluate(dataset, methods, 32, journal=journal, stopped=lambda: next(stops), **ABOUT)
    assert len(calls) == 3
    journal.write_bytes(journal.read_bytes()[:-9])  # killed while it wrote
    whole = evaluate(dataset, methods, 32, journal=journal, **ABOUT)
    assert len(calls) == 3 + 2
    again = evaluate(dataset, methods, 32, journal=journal, **ABOUT)
    assert len(calls) == 5
    fresh = evaluate(dataset, methods, 32, **ABOUT)
    for found in (whole, again):
        assert found.composites == fresh.composites
        for method, table in fresh.values.items():
            for metric, values in table.items():
                assert np.array_equal(found.values[method][metric], values)


def test_a_journal_of_another_evaluation_is_refused(dataset, tmp_path):
    journal = tmp_path / "journal.jsonl"
    evaluate(dataset, {}, 32, journal=journal, **ABOUT)
    before = journal.read_bytes()
    with pytest.raises(DataError, match=r"differs in methods, size; give another"):
        evaluate(dataset, {"MKL": load_method("mkl")}, 64, journal=journal, **ABOUT)
    with pytest.raises(DataError, match="differs in sha256"):
        evaluate(dataset, {}, 32, journal=journal, sha256={"data": "0"}, **ABOUT)
    assert journal.read_bytes() == before


@pytest.mark.parametrize("content", [b"noise\n", b"\xff\xfe\n", b"[]\n", b"no line"])
def test_what_is_no_journal_stays_as_it_is(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"not the journal|differs"), open_journal(path, {"size": 32}):
        pass
    assert path.read_bytes() == content


def test_a_line_from_time_to_time(monkeypatch):
    said, now = [], iter([0.0, 10.0, 70.0, 80.0, 140.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    reports = Reports(40, said.append, 60.0)
    for worked in (False, True, True, True):
        reports.tick(worked=worked)
    assert said == ["Scored 2 of 40; about 44 minutes left.", "Scored 4 of 40; about 28 minutes left."]


@pytest.mark.parametrize("inside", ["paths", "flat"])
def test_results_of_others_are_scored(dataset, tmp_path, inside):
    for sample in dataset.samples:
        name = sample.name if inside == "paths" else sample.name.rpartition("/")[2]
        path = (tmp_path / "theirs" / name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(read_sample(sample).real).save(path)
    methods = {"theirs": published_results(tmp_path / "theirs")}
    for size in (32, "full"):
        found = evaluate(dataset, methods, size, **ABOUT)
        assert (found.values["theirs"]["mse"] == 0).all()
        assert len(found.composites) == len(dataset.samples)


def test_results_that_are_missing_or_of_another_size_are_named(dataset, tmp_path):
    first, second, *rest = dataset.samples
    tmp_path = tmp_path / "theirs"
    tmp_path.mkdir()
    for sample in (first, *rest):
        Image.fromarray(read_sample(sample).real).save(
            tmp_path / f"{sample.name.rpartition('/')[2][:-4]}.png"
        )
    Image.new("RGB", (7, 5)).save(tmp_path / f"{first.name.rpartition('/')[2][:-4]}.png")
    found = evaluate(dataset, {"theirs": published_results(tmp_path)}, "full", **ABOUT)
    assert len(found.composites) == len(rest)
    assert any("is 7×5 pixels, and its composite" in reason for reason in found.skipped)
    assert any(f"no picture for {second.name}" in reason for reason in found.skipped)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        Results(tmp_path / "absent")
    with pytest.raises(DataError, match="no pictures"):
        Results(tmp_path)
