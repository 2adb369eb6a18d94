import pytest

from cdtnet.errors import DataError
from cdtnet.synthesize.sources import names, photos_with_masks, pictures, versions

from .conftest import draw_mask, draw_photo, save


def test_names_are_the_last_part_where_that_is_enough():
    assert names(["a/x", "b/y", "z"]) == {"a/x": "x", "b/y": "y", "z": "z"}
    assert names(["a/x", "b/x", "b/y"]) == {"a/x": "a-x", "b/x": "b-x", "b/y": "y"}
    assert names(["A/x", "b/X"]) == {"A/x": "A-x", "b/X": "b-X"}  # one name for some file systems


def test_names_that_lists_cannot_hold_are_tidied():
    assert list(names(["-rf", " lead", "trail ", "new\nline", "back\\slash", "ü 東京"]).values()) == [
        "-rf",
        "-lead",
        "trail-",
        "new-line",
        "back-slash",
        "ü 東京",
    ]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (["a/b-c/x", "a-b/c/x"], "both be named 'a-b-c-x'"),
        (["\udcff"], "not UTF-8"),
        (["x" * 201], "too long"),
    ],
)
def test_impossible_names_are_refused(keys, problem):
    with pytest.raises(DataError, match=problem):
        names(keys)


def test_masks_are_found_by_their_photos_names(tmp_path):
    for name in ("one", "one_1", "two", "three"):
        save(draw_photo(0), tmp_path / "photos" / f"{name}.jpg")
    for name in ("one_1", "two__10", "two__9", "three_mask", "four"):
        save(draw_mask(0), tmp_path / "masks" / f"{name}.png")
    photos, lost = photos_with_masks(tmp_path / "photos", tmp_path / "masks")
    assert {photo.name: [mask.path for mask in photo.masks] for photo in photos} == {
        "one": [],
        "one_1": ["one_1.png"],
        "three": ["three_mask.png"],
        "two": ["two__9.png", "two__10.png"],
    }
    assert [path.rpartition("/")[2] for path in lost] == ["four.png"]


def test_the_layout_that_training_uses(photo_folder):
    photos, lost = photos_with_masks(photo_folder / "mid", photo_folder / "masks")
    assert [(photo.name, len(photo.masks)) for photo in photos] == [
        (f"{source}-p{k}", count) for source, count in (("objects", 1), ("scenes", 0)) for k in range(4)
    ]
    assert not lost


def test_hidden_and_other_files_are_no_pictures(tmp_path):
    for name in ("._x.jpg", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="no pictures"):
        pictures(tmp_path)
    save(draw_photo(0), tmp_path / "x.jpg")
    assert list(pictures(tmp_path)) == ["x"]
    save(draw_photo(0), tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x\.png.*have the same name"):
        pictures(tmp_path)


def test_versions_are_folders(own_pictures, tmp_path):
    folder = own_pictures / "versions"
    found = versions([folder], own_pictures / "version masks")
    assert found.keys() == {"expertA", "expertB", "original"}
    assert all(files.keys() == {"a0000", "a0001", "a0002"} for files in found.values())
    assert versions([folder], folder / "original").keys() == {"expertA", "expertB"}
    with pytest.raises(DataError, match="at least two folders"):
        versions([folder / "original"], tmp_path)


def test_versions_are_called_by_what_tells_them_apart(tmp_path):
    folders = [tmp_path / name / "JPG" / "480p" for name in ("input", "expertC")]
    for folder in folders:
        save(draw_photo(0), folder / "a0001.jpg")
    assert versions(folders, tmp_path).keys() == {"input/JPG/480p", "expertC/JPG/480p"}
    with pytest.raises(DataError, match="given twice"):
        versions([folders[0], folders[0]], tmp_path)
