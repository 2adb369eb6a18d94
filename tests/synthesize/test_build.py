import json
from dataclasses import dataclass

import numpy as np
import pytest

from cdtnet.errors import DataError, WriteError
from cdtnet.synthesize.build import build
from cdtnet.synthesize.exchange import plan
from cdtnet.synthesize.journal import JOURNAL
from cdtnet.synthesize.lists import split, write_lists
from cdtnet.synthesize.sources import pictures, versions
from cdtnet.synthesize.tasks import Finished, Folder, Row, seed_of

from .conftest import tree


@pytest.fixture
def tasks(own_pictures):
    masks = own_pictures / "version masks"
    return plan(versions([own_pictures / "versions"], masks), pictures(masks))[0]


def test_the_number_of_workers_makes_no_difference(tasks, tmp_path):
    build(tasks, Folder(tmp_path / "1"), {}, workers=1)
    build(tasks[::-1], Folder(tmp_path / "2"), {}, workers=2)
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert len(tree(tmp_path / "1")) == 3 * (1 + 1 + 2) + 1


def test_the_seed_makes_a_difference(tasks, tmp_path):
    for seed in (0, 1):
        build(tasks, Folder(tmp_path / str(seed), seed), {})
    assert tree(tmp_path / "0") != tree(tmp_path / "1")


def test_nothing_whole_is_made_again(tasks, tmp_path):
    folder = Folder(tmp_path)
    assert build(tasks, folder, {}).made == 3
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*")}
    assert build(tasks, folder, {}).made == 0
    lost = sorted(tmp_path.glob("composite_images/*"))[1]
    lost.unlink()
    assert build(tasks, folder, {}).made == 1
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*")}
    assert [path for path in after if after[path] != before[path]] == [lost]


def test_what_a_killed_run_leaves_is_made_good(tasks, tmp_path):
    whole, torn = Folder(tmp_path / "whole"), Folder(tmp_path / "torn")
    build(tasks, whole, {"seed": 0})
    build(tasks[:1], torn, {"seed": 0})
    with (torn.path / JOURNAL).open("a") as stream:
        stream.write('["a0001", [["a0001_1')
    (torn.path / "composite_images" / ".a0001_1_1.jpg.0123abcd.tmp").write_bytes(b"half")
    (torn.path / ".sources.csv.0123abcd.tmp").write_bytes(b"half")
    build(tasks, torn, {"seed": 0})
    assert tree(whole.path) == tree(torn.path)


def test_other_options_or_photos_are_refused(tasks, tmp_path):
    build(tasks, Folder(tmp_path), {"seed": 0})
    with pytest.raises(DataError, match="started with seed 0, not 1"):
        build(tasks, Folder(tmp_path), {"seed": 1})
    with pytest.raises(DataError, match="missing now, such as 'a0000'"):
        build(tasks[1:], Folder(tmp_path), {"seed": 0})
    (tmp_path / JOURNAL).write_text("{\n{\n")
    with pytest.raises(DataError, match="is damaged"):
        build(tasks, Folder(tmp_path), {"seed": 0})


def test_composites_from_elsewhere_are_left_alone(tasks, tmp_path):
    (tmp_path / "composite_images").mkdir()
    (tmp_path / "composite_images" / "a_1_1.jpg").touch()
    with pytest.raises(DataError, match="is not from this command"):
        build(tasks, Folder(tmp_path), {})
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file cannot be written"):
        build(tasks, Folder(tmp_path / "file"), {})


@dataclass(frozen=True)
class Damaged:
    """A photo that is unreadable until its folder has a file `repaired`."""

    name: str

    def run(self, folder):
        if not (folder.path / "repaired").exists():
            raise DataError(f"{self.name} is damaged.")
        row = Row(f"{self.name}_1_1.jpg", f"{self.name}_1.png", "", "", "", "", "", 0)
        folder.add(row, np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8))
        return Finished(self.name, [row])


def test_damaged_sources_are_tried_again_each_time(tasks, tmp_path):
    built = build([*tasks, Damaged("x")], Folder(tmp_path), {})
    assert built.problems == ("x is damaged.",)
    assert build([*tasks, Damaged("x")], Folder(tmp_path), {}).made == 1
    (tmp_path / "repaired").touch()
    assert build([*tasks, Damaged("x")], Folder(tmp_path), {}).problems == ()
    assert (tmp_path / "composite_images" / "x_1_1.jpg").exists()


def test_damaged_sources_end_the_run_on_request(tasks, tmp_path):
    with pytest.raises(DataError, match="x is damaged"):
        build([tasks[0], Damaged("x"), tasks[1]], Folder(tmp_path), {}, fail=True)
    lines = (tmp_path / JOURNAL).read_text().splitlines()
    assert [json.loads(line)[0] for line in lines[1:]] == ["a0000"]
    with pytest.raises(DataError, match="No composite could be made: y is damaged"):
        build([Damaged("y")], Folder(tmp_path / "other"), {})


def test_progress_counts_every_photo(tasks, tmp_path):
    for _ in range(2):
        seen = []
        build(tasks, Folder(tmp_path), {}, progress=lambda finished, seen=seen: seen.append(finished.name))
        assert seen == ["a0000", "a0001", "a0002"]


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(10, 0.2, 2), (10, 0.01, 1), (3, 0.99, 2), (1, 0.5, 0), (4, 0, 0), (4, 1, 4)],
)
def test_the_share_for_tests(count, share, expected):
    names = [f"p{i}" for i in range(count)]
    assert len(split(names, share, 0)) == expected
    assert split(names, share, 0) == split(reversed(names), share, 0)


def test_the_split_depends_on_the_seed():
    names = [f"p{i}" for i in range(30)]
    assert split(names, 0.5, 0) != split(names, 0.5, 1)


def test_lists_of_other_sub_sets_are_kept(tmp_path):
    def finished(name):
        return Finished(name, [Row(f"{name}_1_{k}.jpg", "", "", "", "", "", "", 0) for k in (1, 2)])

    (tmp_path / "IHD_train.txt").write_text("HFlickr/composite_images/f1_1_1.jpg\n")
    for _ in range(2):
        for subset in ("B", "A"):
            (tmp_path / subset).mkdir(exist_ok=True)
            assert write_lists(tmp_path / subset, [finished("x"), finished("y")], {"y"}) == {
                "train": 2,
                "test": 2,
            }
    assert (tmp_path / "IHD_train.txt").read_text().splitlines() == [
        "A/composite_images/x_1_1.jpg",
        "A/composite_images/x_1_2.jpg",
        "B/composite_images/x_1_1.jpg",
        "B/composite_images/x_1_2.jpg",
        "HFlickr/composite_images/f1_1_1.jpg",
    ]
    assert (tmp_path / "A" / "A_test.txt").read_text() == "y_1_1.jpg\ny_1_2.jpg\n"


def test_seeds_are_stable_and_apart():
    assert seed_of(0, "x", 1, 1) == 3006959123998998665
    assert (
        len({seed_of(0, "x", 1, 11), seed_of(0, "x", 11, 1), seed_of(1, "x", 1, 11), seed_of(0, "x1", 1, 1)})
        == 4
    )
