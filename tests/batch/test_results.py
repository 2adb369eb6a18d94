import json

import pytest

from cdtnet.batch.results import RESULTS, SETTINGS, Results
from cdtnet.batch.stores import open_store
from cdtnet.batch.work import BatchOptions, BatchRecord
from cdtnet.errors import DataError


def record(output, status="done", inputs="1", **rest):
    return BatchRecord(f"in/{output}", "in/mask.png", output, status=status, inputs=inputs, **rest)


def lines(store):
    return [json.loads(line) for line in store.read(RESULTS).splitlines()]


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    if request.param == "folder":
        (tmp_path / "out").mkdir()
        return open_store(str(tmp_path / "out"))
    memory = pytest.importorskip("fsspec").filesystem("memory")
    if memory.exists("/results"):
        memory.rm("/results", recursive=True)
    return open_store("memory://results")


def add(store, *records, options=BatchOptions()):  # noqa: B008 - it is frozen
    results = Results(store, options)
    with results.closing():
        for one in records:
            if one.status == "done":
                store.write(one.output, b"picture")
            results.add(one)
    return results


def test_a_later_run_knows_what_is_done(store):
    results = add(store, record("a.png"), record("b.png", "failed", reason="It is damaged."))
    assert results.counts == {"done": 1, "failed": 1}
    later = Results(store, BatchOptions())
    assert later.ended("a.png", "1") == "done"
    assert later.ended("a.png", "2") is None
    assert later.ended("b.png", "1") == "failed"
    assert later.ended("c.png", "1") is None
    assert [line["reason"] for line in lines(store)] == ["", "It is damaged."]


def test_one_line_for_each_picture(store):
    add(store, record("a.png", "failed"), record("b.png"))
    add(store, record("a.png", inputs="2"))
    assert [(line["output"], line["status"], line["inputs"]) for line in lines(store)] == [
        ("a.png", "done", "2"),
        ("b.png", "done", "1"),
    ]


def test_pictures_that_were_removed_are_not_done(store):
    add(store, record("a.png"), record("b.png"))
    store.remove("a.png")
    assert Results(store, BatchOptions()).ended("a.png", "1") is None
    assert [line["output"] for line in lines(store)] == ["b.png"]


def test_composites_that_cannot_have_a_result_are_listed_until_the_next_run(store):
    add(
        store,
        BatchRecord("", "", "", "failed", "x has no mask."),
        BatchRecord("", "", "", "failed", "y has no mask."),
    )
    assert [line["reason"] for line in lines(store)] == ["x has no mask.", "y has no mask."]
    add(store, record("x.png"))
    assert [line["output"] for line in lines(store)] == ["x.png"]


def test_a_line_that_was_torn_off_is_done_again(tmp_path):
    store = open_store(str(tmp_path))
    add(store, record("a.png"), record("b.png"))
    (tmp_path / RESULTS).write_bytes((tmp_path / RESULTS).read_bytes()[:-9])
    later = Results(store, BatchOptions())
    assert (later.ended("a.png", "1"), later.ended("b.png", "1")) == ("done", None)


def test_lines_that_a_power_cut_filled_with_zeros_are_done_again(tmp_path):
    store = open_store(str(tmp_path))
    add(store, record("a.png"), record("b.png"))
    table = tmp_path / RESULTS
    whole = table.read_bytes().splitlines(keepends=True)
    table.write_bytes(whole[0] + b"\0" * 40 + whole[1])
    results = Results(store, BatchOptions())
    assert (results.ended("a.png", "1"), results.ended("b.png", "1")) == ("done", None)


def test_records_are_on_disk_at_once(tmp_path):
    store = open_store(str(tmp_path))
    results = Results(store, BatchOptions())
    results.add(record("a.png"))
    assert [line["output"] for line in lines(store)] == ["a.png"]


def test_parts_that_a_killed_run_left_are_read(store):
    Results(store, BatchOptions())
    store.write("a.png", b"picture")
    line = json.dumps(record("a.png").__dict__).encode() + b"\n"
    store.append(RESULTS, line)
    assert Results(store, BatchOptions()).ended("a.png", "1") == "done"
    assert [path for path in store.files() if path.startswith(RESULTS)] == [RESULTS]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (BatchOptions(model="is2am"), "model"),
        (BatchOptions().but(strength=0.5), "strength"),
        (BatchOptions(suffix=".png"), "suffix"),
        (BatchOptions(runtime={"precision": "float32"}), "precision"),
    ],
)
def test_other_options_are_refused(store, options, name):
    add(store, record("a.png"))
    with pytest.raises(DataError, match=f"was started with {name}"):
        Results(store, options)


def test_another_device_may_go_on(store):
    add(store, record("a.png"), options=BatchOptions(runtime={"device": "cpu"}))
    assert Results(store, BatchOptions(runtime={"device": "cuda"})).ended("a.png", "1") == "done"


def test_other_weights_under_the_same_name_are_refused(tmp_path, store):
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"1")
    Results(store, BatchOptions(model=str(weights)))
    weights.write_bytes(b"2")
    with pytest.raises(DataError, match="was started with weights"):
        Results(store, BatchOptions(model=str(weights)))


def test_pictures_from_elsewhere_are_not_replaced(store):
    store.write("sub/holiday.jpg", b"precious")
    with pytest.raises(DataError, match=r"are not from this batch, such as sub/holiday\.jpg"):
        Results(store, BatchOptions())


@pytest.mark.parametrize(("path", "content"), [(RESULTS, b"[]\n"), (RESULTS, b"{}\n"), (SETTINGS, b"{")])
def test_a_damaged_table_is_refused(store, path, content):
    add(store, record("a.png"))
    store.write(path, content)
    with pytest.raises(DataError, match=f"{path} in .* is damaged"):
        Results(store, BatchOptions())
