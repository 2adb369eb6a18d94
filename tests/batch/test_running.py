import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cdtnet import Harmonizer
from cdtnet.batch.jobs import find_jobs
from cdtnet.batch.running import Budget, Machine
from cdtnet.batch.stores import open_store
from cdtnet.batch.work import BatchOptions, begin, fetch, memory
from cdtnet.engines.confidence import Confidence
from cdtnet.imaging.read import decoded_bytes
from tests.datasets import trees
from tests.kinds import HEIGHT, READ, WIDTH


@pytest.fixture
def machine(tmp_path, official_model):
    (tmp_path / "out").mkdir()

    def make(options=BatchOptions(), stopped=lambda: False, budget=1 << 30, workers=2):  # noqa: B008
        store = open_store(str(tmp_path / "out"))
        return Machine(Harmonizer(official_model), store, options, workers, Budget(budget), stopped)

    return make


@pytest.fixture
def todo(tmp_path):
    """Four jobs."""
    for k in range(4):
        trees.picture(tmp_path / "in" / f"{k}.png", size=(64 + k, 48))
        trees.mask(tmp_path / "in" / f"{k}_mask.png", size=(64 + k, 48))
    return [(job, "stamp") for job in find_jobs(str(tmp_path / "in"), str(tmp_path / "out")).jobs]


@pytest.mark.parametrize("budget", [1, 1 << 30])
def test_pixels_are_those_of_the_python_interface(tmp_path, machine, todo, budget, official_model):
    records = list(machine(BatchOptions().but(strength=0.7), budget=budget).run(todo))
    assert sorted(record.output for record in records) == ["0.png", "1.png", "2.png", "3.png"]
    harmonizer = Harmonizer(official_model)
    for record in records:
        expected = harmonizer(record.input, record.mask, strength=0.7).image.pixels
        assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / record.output)), expected)
        assert (record.status, record.inputs, record.reason) == ("done", "stamp", "")
        assert record.pixels == expected.shape[0] * expected.shape[1]
        assert record.foreground == pytest.approx(0.25, abs=0.01)
        assert record.seconds > 0


def test_a_failure_is_recorded_and_the_rest_go_on(tmp_path, machine, todo):
    trees.truncate(tmp_path / "in" / "0.png")
    (tmp_path / "in" / "1_mask.png").unlink()
    trees.mask(tmp_path / "in" / "2_mask.png", size=(5, 5))
    records = {record.output: record for record in machine().run(todo)}
    assert [records[f"{k}.png"].status for k in range(4)] == ["failed", "failed", "failed", "done"]
    assert "0.png is damaged" in records["0.png"].reason
    assert "1_mask.png does not exist" in records["1.png"].reason
    assert "--resize-mask" in records["2.png"].reason
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["3.png"]


def test_what_is_odd_about_a_mask_is_recorded(tmp_path, machine, todo):
    Image.new("L", (64, 48)).save(tmp_path / "in" / "0_mask.png")
    records = {record.output: record for record in machine().run(todo)}
    assert records["0.png"].status == "done"
    assert "black everywhere" in records["0.png"].reason
    assert records["0.png"].foreground == 0


def test_what_the_network_is_not_sure_of_is_recorded(machine, todo, monkeypatch):
    here = replace(machine(), harmonizer=Harmonizer("cdtnet-sim", "cpu"))
    monkeypatch.setattr("cdtnet.inference.analysis.confidence", lambda *_: Confidence(share=0, size=1))
    for record in here.run(todo):
        assert record.status == "done"
        assert "Little is changed, because two looks" in record.reason


@pytest.mark.filterwarnings("ignore:AVIF holds")
def test_fewer_bits_than_the_picture_has_are_recorded(tmp_path, machine):
    deep = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    Image.fromarray(deep).save(tmp_path / "deep.png")
    trees.mask(tmp_path / "deep_mask.png", size=(64, 48))
    jobs = find_jobs(str(tmp_path / "deep*.png"), str(tmp_path / "out"), suffix=".avif").jobs
    (record,) = machine().run([(job, "") for job in jobs])
    assert record.output == "deep.avif"
    assert "AVIF holds 12 bits a channel; the picture has 16" in record.reason


@pytest.mark.parametrize("name", READ)
def test_memory_is_reckoned_by_the_header_of_every_format(name):
    pytest.importorskip("OpenEXR")
    data = READ[name]()
    assert HEIGHT * WIDTH <= decoded_bytes(data) <= 16 * HEIGHT * WIDTH


def test_what_nobody_foresaw_fails_one_picture_only(tmp_path, machine, todo):
    here = machine()

    class Odd:
        def __call__(self, picture, *arguments, **options):
            if picture.width == 64:
                raise ZeroDivisionError("odd")
            if picture.width == 65:
                raise MemoryError
            return here.harmonizer(picture, *arguments, **options)

    odd = Machine(Odd(), here.store, here.options, 2, here.budget, here.stopped)
    records = {record.output: record for record in odd.run(todo)}
    assert records["0.png"].reason == "Unexpected error: ZeroDivisionError: odd"
    assert "not enough memory" in records["1.png"].reason
    assert records["3.png"].status == "done"


def test_stopping_leaves_pictures_for_the_next_run(tmp_path, machine, todo):
    stop = threading.Event()
    seen = []
    for record in machine(stopped=stop.is_set, workers=1).run(todo):
        seen.append(record.output)
        stop.set()
    assert 1 <= len(seen) < 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(seen)


def test_a_picture_can_be_left_half_way(tmp_path, machine, todo):
    asked = iter([False, False])  # taken, begun; then, after its first tile, stopped
    assert list(machine(stopped=lambda: next(asked, True), workers=1).run(todo)) == []
    assert list((tmp_path / "out").iterdir()) == []


def test_memory_is_foreseen(todo):
    work = begin(*todo[0])
    assert memory(work) == 0
    fetch(work)
    picture, mask = 64 * 48 * 3, 64 * 48
    assert 3 * picture + mask <= memory(work) <= 5 * picture + mask


def test_a_budget_is_kept():
    budget, held, most = Budget(10), [], []

    def use(count):
        with budget.holding(count):
            held.append(count)
            most.append(sum(held))
            time.sleep(0.01)
            held.remove(count)

    threads = [threading.Thread(target=use, args=(count,)) for count in (4, 5, 6, 7, 25, 3, 1, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert len(most) == 8
    assert sorted(total for total in most if total > 10) == [25]
