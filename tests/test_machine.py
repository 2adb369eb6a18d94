import os

import pytest

from cdtnet import machine


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no such thing")
@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("", 8), (None, 8)],
)
def test_a_containers_share_of_the_cores_counts(tmp_path, monkeypatch, text, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert machine.available_cores() == cores
