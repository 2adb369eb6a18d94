"""Compiled networks that tests in one process share, because compiling takes longer than most tests."""

import zlib
from collections import OrderedDict

import numpy as np
import pytest

from cdtnet.engines import openvino
from cdtnet.engines.openvino import OpenVinoEngine
from cdtnet.system.machine import available_cores
from cdtnet.weights import Weights

MOST = 8  # engines that are kept


class SharedEngines:
    """Make an engine once per network, whatever the file of its weights."""

    def __init__(self) -> None:
        self._made: OrderedDict[object, OpenVinoEngine] = OrderedDict()

    def __call__(self, weights: Weights, threads: int | None = None) -> OpenVinoEngine:
        parts = tuple(
            (name, value.dtype.str, value.shape, zlib.crc32(np.ascontiguousarray(value)))
            for name, value in sorted(weights.entries.items())
        )
        key = (weights.config, repr(weights.card.get("ranges")), threads or available_cores(), parts)
        if key not in self._made:
            self._made[key] = OpenVinoEngine(weights, threads)
        self._made.move_to_end(key)
        if len(self._made) > MOST:
            self._made.popitem(last=False)
        return self._made[key]


@pytest.fixture(scope="session", autouse=True)
def _shared_engines():
    """`tests/engines` has its own engines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openvino, "OpenVinoEngine", SharedEngines())
        yield
