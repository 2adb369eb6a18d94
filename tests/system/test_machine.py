import os
import subprocess
import sys

import pytest

from cdtnet.system import machine
from cdtnet.system.machine import available_cores, share_cores


@pytest.mark.parametrize(
    ("workers", "given", "threads"), [(1, "", None), (1, "1", 1), (1, "900", None), (64, "", 1)]
)
def test_threads_times_workers_are_no_more_than_the_cores(monkeypatch, workers, given, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "")
    monkeypatch.setenv("VIPS_CONCURRENCY", "")
    share_cores(workers)
    expected = threads or available_cores()
    assert os.environ["OMP_NUM_THREADS"] == str(expected)


@pytest.mark.slow
def test_pytorch_takes_its_part():
    code = (
        "from cdtnet.system.machine import share_cores; share_cores(1000); "
        "import torch; print(torch.get_num_threads())"
    )
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], env=free, capture_output=True, text=True)
    assert done.stdout == "1\n"


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
