import json

import pytest

from cdtnet.datasets.samples import open_dataset, read_sample
from cdtnet.errors import DataError
from tests.datasets import trees

CSV = """composite,mask,real,subset,split,author
in/a b.jpg,in/m.png,in/r.jpg,cats,train,me
./in/c.jpg,in/m.png,,dogs,test,"you, too"
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("a b", "c", "r"):
        trees.picture(tmp_path / "in" / f"{name}.jpg")
    trees.mask(tmp_path / "in" / "m.png")
    return tmp_path


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_csv(folder):
    found = open_dataset(write(folder / "my list.CSV", "\ufeff" + CSV))
    assert (found.layout, found.problems) == ("manifest", ())
    first, second = found.samples
    assert (first.name, first.subset, first.split, first.real.path) == (
        "in/a b.jpg",
        "cats",
        "train",
        "in/r.jpg",
    )
    assert (second.subset, second.split, second.real) == ("dogs", "test", None)
    assert read_sample(first).real.shape == (12, 16, 3)
    assert len(open_dataset(folder / "my list.CSV", split="test").samples) == 1
    assert len(open_dataset(folder / "my list.CSV", subsets=["CATS"]).samples) == 1


def test_json_lines(folder):
    rows = [
        {"composite": "in/c.jpg", "mask": "in/m.png", "real": None, "width": 3},
        {"composite": "in/c.jpg", "mask": "in/m.png"},
    ]
    path = write(folder / "list.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert [sample.name for sample in open_dataset(path).samples] == ["in/c.jpg", "in/c.jpg#2"]


def test_a_folder_or_archive_with_a_manifest(folder):
    write(folder / "manifest.csv", CSV)
    assert open_dataset(folder).layout == "manifest"
    archive = trees.zipped(folder, top="set")
    found = open_dataset(archive)
    assert found.samples[0].name == "in/a b.jpg"
    assert read_sample(found.samples[0]).composite.shape == (12, 16, 3)


def test_files_that_are_missing(folder):
    found = open_dataset(write(folder / "x.csv", "composite,mask\nin/c.jpg,in/m.png\nin/z.jpg,in/y.png\n"))
    assert len(found.samples) == 1
    assert found.problems == (
        f"{folder}/in/z.jpg and {folder}/in/y.png of line 3 of {folder}/x.csv is missing.",
    )


@pytest.mark.parametrize("path", ["../secret.jpg", "in/../../secret.jpg", "in\\..\\..\\secret.jpg", ".."])
def test_paths_may_not_leave_the_folder(folder, path):
    trees.picture(folder.parent / "secret.jpg")
    with pytest.raises(DataError, match=r"line 2 of .* leaves its folder"):
        open_dataset(write(folder / "x.csv", f"composite,mask\n{path},in/m.png\n"))


def test_absolute_paths_are_meant(folder, tmp_path_factory):
    other = trees.picture(tmp_path_factory.mktemp("other") / "o.jpg")
    table = write(folder / "manifest.csv", f"composite,mask\n{other},in/m.png\n")
    assert read_sample(open_dataset(table).samples[0]).composite.shape == (12, 16, 3)
    with pytest.raises(DataError, match="leaves its folder"):
        open_dataset(trees.zipped(folder))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.csv", "image,mask\na,b\n", "needs the columns composite and mask"),
        ("x.csv", "", "needs the columns composite and mask"),
        ("x.csv", "composite,mask\nin/c.jpg\n", "There is no mask in line 2"),
        ("x.csv", "composite,mask\n,in/m.png\n", "There is no composite in line 2"),
        ("x.jsonl", '{"composite": "in/c.jpg"}', "There is no mask in line 1"),
        ("x.jsonl", '\n["in/c.jpg"]', "Line 2 of .* is not a JSON object"),
        ("x.jsonl", "{composite}", "Line 1 of .* is not a JSON object"),
        pytest.param("x.jsonl", '{"a":' * 9000, "Line 1 of .* is not a JSON object", id="deep"),
        pytest.param("x.csv", "composite,mask\n" + "a" * 200_000, "not a CSV table", id="long"),
    ],
)
def test_malformed_manifests(folder, name, text, message):
    with pytest.raises(DataError, match=message):
        open_dataset(write(folder / name, text))


def test_a_manifest_that_does_not_exist(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        open_dataset(tmp_path / "none.csv")
