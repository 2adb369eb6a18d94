import multiprocessing
import pickle
import time

import pytest

from cdtnet.batch.remote import LEASE, LOCK, Remote
from cdtnet.batch.stores import entry_of, open_store, stamp
from cdtnet.datasets.tree import Entry, open_tree
from cdtnet.errors import CdtnetError, DataError, WriteError
from tests.datasets import trees
from tests.processes import PATIENCE

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(params=["folder", "memory"])
def name(request, tmp_path):
    """A folder, or an address in memory, that is empty."""
    if request.param == "folder":
        return str(tmp_path / "store")
    memory = fsspec.filesystem("memory")
    if memory.exists("/stores"):
        memory.rm("/stores", recursive=True)
    return "memory://stores/one"


def test_what_is_written_can_be_listed_and_read(name):
    store = open_store(name)
    with store.locked():
        store.write("a.png", b"1")
        store.write("deep/er/b.png", b"2")
        store.append("table", b"x\n")
        store.append("table", b"y\n")
        files = [path for path in store.files() if path != LOCK]
    tables = sorted(path for path in files if path.startswith("table"))
    assert b"".join(store.read(path) for path in tables) == b"x\ny\n"
    assert sorted(set(files) - set(tables)) == ["a.png", "deep/er/b.png"]
    assert store.read("deep/er/b.png") == b"2"
    store.remove("a.png")
    assert "a.png" not in store.files()


def test_only_one_run_at_a_time(name):
    with open_store(name).locked():
        with pytest.raises(DataError, match="Another run"), open_store(name).locked():
            pass
        with pytest.raises(DataError, match="Another run"), open_store(name).locked():
            pass
    with open_store(name).locked():
        pass


def hold(folder, held):
    with open_store(folder).locked():
        held.set()
        time.sleep(PATIENCE)


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_void(tmp_path):
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold, args=(str(tmp_path), held))
    process.start()
    try:
        assert held.wait(PATIENCE)
        with pytest.raises(DataError, match="Another run"), open_store(str(tmp_path)).locked():
            pass
    finally:
        process.kill()
        process.join()
    with open_store(str(tmp_path)).locked():
        pass


def test_a_lock_that_is_not_renewed_is_void(monkeypatch):
    memory = fsspec.filesystem("memory")
    memory.pipe(f"/left/{LOCK}", b"locked")
    store = Remote("memory://left")
    with pytest.raises(DataError, match="within the last minute"), store.locked():
        pass
    memory.store[f"/left/{LOCK}"].modified = memory.modified(f"/left/{LOCK}").replace(year=2020)
    with store.locked():
        pass
    assert not memory.exists(f"/left/{LOCK}")
    assert LEASE > 10


def test_what_was_half_written_is_cleared_away(tmp_path):
    (tmp_path / "sub").mkdir()
    left = tmp_path / "sub" / ".a.png.0123abcd.tmp"
    for path in (left, tmp_path / "sub" / "mine.tmp"):
        path.write_bytes(b"half")
    with open_store(str(tmp_path)).locked():
        assert not left.exists()
        assert (tmp_path / "sub" / "mine.tmp").exists()


def test_links_that_lead_out_are_not_written_through(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"precious")
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out" / "a.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    store = open_store(str(tmp_path / "out"))
    for path in ("sub/b.png", "a.png"):
        with pytest.raises(WriteError, match="a link points outside"):
            store.write(path, b"result")
    assert [path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()] == [b"precious"]


def test_stamps_change_with_the_file(tmp_path):
    picture = trees.picture(tmp_path / "in" / "a.png")
    archive = Entry(open_tree(trees.zipped(tmp_path / "in")), "a.png")
    memory = fsspec.filesystem("memory")
    memory.pipe("/stamps/a.png", b"1")
    for entry in (entry_of(str(picture)), archive, entry_of("memory://stamps/a.png")):
        assert stamp(entry) == stamp(entry)
    before = stamp(entry_of(str(picture))), stamp(entry_of("memory://stamps/a.png"))
    picture.write_bytes(picture.read_bytes() + b"1")
    memory.pipe("/stamps/a.png", b"22")
    assert stamp(entry_of(str(picture))) != before[0]
    assert stamp(entry_of("memory://stamps/a.png")) != before[1]
    for gone in (str(tmp_path / "b.png"), "memory://stamps/b.png"):
        with pytest.raises(DataError, match=r"b\.png"):
            stamp(entry_of(gone))


def test_addresses_survive_the_way_to_another_process():
    fsspec.filesystem("memory").pipe("/away/a.png", b"1")
    entry = pickle.loads(pickle.dumps(entry_of("memory://away/a.png")))
    assert entry.read() == b"1"


def test_addresses_that_mean_nothing_are_said():
    with pytest.raises(CdtnetError, match="nosuch"):
        open_store("nosuch://bucket/out")
