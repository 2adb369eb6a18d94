import os
import subprocess
import sys

import pytest

from cdtnet.machine import available_cores, share_cores


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


def test_pytorch_takes_its_part():
    code = "import cdtnet.machine as m; m.share_cores(1000); import torch; print(torch.get_num_threads())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "1\n"
