"""The rule for outputs: no input is replaced without --overwrite, under any of its names."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import main
from cdtnet.imaging import Lut
from tests.datasets import trees

COMPOSE = ["compose", "a.png", "b.png", "--mask", "mask.png", "--no-harmonize"]
HARMONIZE = ["harmonize", "a.png", "mask.png", "--model", "w.safetensors"]
EVALUATE = ["evaluate", "set", "--model", "w.safetensors", "--limit", "1"]
CASES = {  # an input, and a command whose output comes last
    "harmonize": ("a.png", [*HARMONIZE, "-o"]),
    "the mask": ("mask.png", [*HARMONIZE, "-o"]),
    "compose": ("b.png", [*COMPOSE, "-o"]),
    "the mask's output": ("a.png", [*COMPOSE, "-o", "new.png", "--mask-output"]),
    "a table applied": ("a.png", ["lut", "a.png", "--apply", "t.cube", "-o"]),
    "convert": ("w.safetensors", ["convert", "w.safetensors"]),
    "evaluate": ("set/HFlickr/real_images/f6.jpg", [*EVALUATE, "--split", "train", "--csv"]),
    "the model": ("w.safetensors", [*EVALUATE, "--json"]),
    "study": ("answers.jsonl", ["study", "score", "answers.jsonl", "--json"]),
}


@pytest.fixture
def folder(tmp_path, monkeypatch, weights):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        trees.picture(tmp_path / name, size=(32, 24))
    trees.mask(tmp_path / "mask.png", size=(32, 24))
    trees.iharmony4(tmp_path / "set")
    Lut(np.stack(np.meshgrid(*[np.linspace(0, 1, 2)] * 3, indexing="ij"), -1)).save("t.cube")
    (tmp_path / "w.safetensors").write_bytes(Path(weights).read_bytes())
    (tmp_path / "answers.jsonl").write_bytes(b"{}\n")
    return tmp_path


def named(given: str, kind: str) -> str:
    """Return another name of the same file."""
    path = Path(given)
    if kind == "another spelling":
        return f"../{Path.cwd().name}/{given}"
    link = path.with_name(f"link{path.suffix}")
    if kind == "hard link":
        link.hardlink_to(path)
    elif kind == "symbolic link":
        link.symlink_to(path.absolute())
    return given if kind == "itself" else str(link)


@pytest.mark.parametrize("kind", ["itself", "another spelling", "hard link", "symbolic link"])
@pytest.mark.parametrize("case", CASES)
def test_no_input_is_replaced_unasked(folder, capsys, case, kind):
    given, command = CASES[case]
    before = Path(given).read_bytes()
    name = named(given, kind)
    listed = sorted(os.listdir())
    assert main([*command, name]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("cdtnet: The output ")
    assert " is also an input; " in printed
    assert Path(given).read_bytes() == before
    assert sorted(os.listdir()) == listed


@pytest.mark.parametrize("case", ["compose", "a table applied", "convert"])
def test_asked_to_it_is_replaced(folder, case):
    given, command = CASES[case]
    output = [given, "--overwrite", *(["--half"] if case == "convert" else [])]
    before = Path(given).read_bytes()
    assert main([*command, *output]) == 0
    assert Path(given).read_bytes() != before


def test_a_killed_run_leaves_nothing_to_the_next(folder):
    (folder / ".out.png.0123abcd.tmp").write_bytes(b"half")
    assert main([*COMPOSE, "-o", "out.png"]) == 0
    with Image.open("out.png") as picture:
        assert picture.size == (32, 24)
    assert not list(folder.glob(".*"))
