"""The benchmark whose tables are in docs/, on two composites."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from cdtnet.datasets.samples import BANDS

pytestmark = pytest.mark.slow


def cells(text, column=0):
    """Return a column of a table, without its heading."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [line[column] for line in lines[1:]]


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
    options = ["--sources", "objects", "--size", "64", "--count", "2", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["quality.py", *photos, *options])
    quality.main()
    page = (tmp_path / "quality-64.md").read_text()
    assert "photographs of objects" in page
    table, *groups = page.split(" by source, foreground and scene.")
    assert cells(table) == [
        "composite",
        "Reinhard",
        "Histogram matching",
        "MKL",
        "Poisson blending",
        *quality.MODELS,
    ]
    assert len(groups) == len(quality.MODELS)
    for group in groups:
        counts = dict(zip(cells(group), cells(group, 1), strict=True))
        assert counts["objects"] == "2"
        assert sum(int(counts[band]) for band in BANDS) == 2
    card = json.loads((tmp_path / "quality-64.json").read_text())
    assert list(card) == ["is2am", "cdtnet-sim", "cdtnet-256", "cdtnet-512"]
    assert "64 px, held-out photos" in card["cdtnet-512"]
