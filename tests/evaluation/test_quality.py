"""The benchmark whose tables are in docs/, on two composites."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest


@pytest.fixture
def quality(monkeypatch):
    path = Path(__file__).parents[2] / "benchmarks" / "quality.py"
    specification = importlib.util.spec_from_file_location("quality", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "BATCH", 1)
    return module


def test_the_table_and_the_card(quality, photo_folder, tmp_path, monkeypatch, capsys):
    photos = ["--photos", str(photo_folder / "mid"), "--masks", str(photo_folder / "masks")]
    options = ["--sources", "objects", "--size", "64", "--count", "3", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["quality.py", *photos, *options])
    quality.main()
    table = (tmp_path / "quality-64.md").read_text()
    assert "photographs of objects" in table
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "composite",
        "Reinhard",
        "Histogram matching",
        "MKL",
        "Poisson blending",
        *quality.MODELS,
    ]
    card = json.loads((tmp_path / "quality-64.json").read_text())
    assert list(card) == ["is2am", "cdtnet-sim", "cdtnet"]
    assert "64 px, held-out photos" in card["cdtnet"]
