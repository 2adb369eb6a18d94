"""Memory over many pictures of many sizes, as in a server or a long batch."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CODE = """
import sys
import numpy as np
from cdtnet import Harmonizer
from cdtnet.system.machine import STATUS, read_bytes

harmonizer, random = Harmonizer(sys.argv[1], "cpu", engine="openvino"), np.random.default_rng(0)
for number in range(120):
    height, width = random.integers(60, 400, 2)
    mask = np.zeros((height, width), np.uint8)
    mask[height // 5 : height // 2, width // 4 : -width // 4] = 255
    harmonizer(random.integers(0, 256, (height, width, 3), dtype=np.uint8), mask)
    if number in (59, 119):  # the first ones warm caches up
        print(read_bytes(STATUS, "VmRSS"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident size is told in other ways elsewhere")
def test_sixty_pictures_of_other_sizes_take_no_more_memory(weights):
    command = [sys.executable, "-c", CODE, weights]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after - before < 30e6
