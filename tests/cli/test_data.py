import json

import pytest

from cdtnet.cli.main import main
from tests.datasets import trees

COMPLETE = """{root}, layout iharmony4

               train      test  unusable
HAdobe5k           2         1         0
HCOCO              2         1         0
HFlickr            1         1         0
Hday2night         1         1         0
all                6         4         0

size        0.000192 to 0.000192 megapixels, median 0.000192
foreground  0–5 %                                        0%
            5–15 %                                       0%
            15–100 %  ████████████████████████████████ 100%
"""


def test_a_complete_data_set(tmp_path, capsys):
    assert main(["data", "check", str(trees.iharmony4(tmp_path))]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (COMPLETE.format(root=tmp_path), "")


def test_problems_fail_and_are_named(tmp_path, capsys):
    trees.real_composites(tmp_path)
    (tmp_path / "mask" / "1.png").unlink()
    trees.truncate(tmp_path / "composite" / "école_2.jpg")
    assert main(["data", "check", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "            no split  unusable\ncomposites         2         2\n" in out
    assert "\n\nwithout ground truth: 2\n\n" in out
    assert "missing (1):\n  composite/1.jpg has no mask.\n" in out
    assert f"unreadable (1):\n  {tmp_path}/composite/école_2.jpg is damaged" in out
    assert err == "cdtnet: Not everything can be used: 1 missing and 1 unreadable.\n"


def test_long_lists_are_cut_short(tmp_path, capsys):
    trees.ccharmony(tmp_path)
    for path in (tmp_path / "real_images").iterdir():
        if path.name.startswith("IMG"):
            path.unlink()
    assert main(["data", "check", str(tmp_path), "--fast"]) == 1
    out = capsys.readouterr().out
    assert out.count("lacks its real image") == 5
    assert out.endswith("… and 5 more (--json lists all)\n")


def test_json(tmp_path, capsys):
    trees.iharmony4(tmp_path)
    (tmp_path / "HFlickr/real_images/f17.jpg").unlink()
    assert main(["data", "check", str(tmp_path), "--json", "--subsets", "HFlickr"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["layout"] == "iharmony4"
    assert report["counts"] == [
        {"subset": "HFlickr", "split": "test", "usable": 0, "unusable": 1},
        {"subset": "HFlickr", "split": "train", "usable": 1, "unusable": 0},
    ]
    assert len(report["missing"]) == 1
    assert report["foreground"] == [0, 0, 1]


def test_an_unknown_layout_and_a_wrong_one(tmp_path, capsys):
    trees.picture(tmp_path / "a.jpg")
    assert main(["data", "check", str(tmp_path)]) == 1
    assert "in no known layout" in capsys.readouterr().err
    assert main(["data", "check", str(tmp_path), "--layout", "iharmony5"]) == 1
    assert "'iharmony5' is not a layout" in capsys.readouterr().err


@pytest.mark.parametrize("root", ["none", "none.zip", "none.csv"])
def test_a_root_that_is_not_there(tmp_path, capsys, root):
    assert main(["data", "check", str(tmp_path / root)]) == 1
    assert f"{root} does not exist" in capsys.readouterr().err


def test_a_compressed_tar_is_checked_with_a_warning(tmp_path, capsys):
    trees.realhm(tmp_path / "RealHM")
    path = trees.tarred(tmp_path / "RealHM", top="RealHM", suffix=".tar.gz")
    assert main(["data", "check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{path}, layout realhm\n")
    assert err == (
        f"{path} is compressed as a whole, so its pictures are slow to read except in their order; "
        "decompress it to a plain .tar, or unpack it.\n"
    )
