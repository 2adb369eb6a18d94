"""Find cuts with FFmpeg's scene detector on reduced frames, or take them from a list."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import needs

THRESHOLD = 10.0  # of FFmpeg's filter scdet, in percent; its default


class Cuts:
    """Decides for each frame in order whether a shot begins.

    Args:
        given: The indices, from 0, of frames that begin a shot; None to detect them.
    """

    def __init__(self, given: Collection[int] | None):
        self._given, self._number = given, -1
        self._last = 0  # beginning of the current shot
        self._graph: Any = None

    def begins(self, small: NDArray[Any]) -> bool:
        """Decide whether this frame begins a shot; the first one does.

        Args:
            small: The reduced frame, (h,w,3), 0..255, always of the same size.
        """
        self._number += 1
        if self._given is not None:
            return self._number == 0 or self._number in self._given
        # The score compares a change with the previous one, so right after a cut it is high for any motion.
        begins = self._score(small) >= THRESHOLD and self._number > self._last + 1
        if begins:
            self._last = self._number
        return begins or self._number == 0

    def _score(self, small: NDArray[Any]) -> float:
        with needs("video", "Finding shots"):
            import av
        frame = av.VideoFrame.from_ndarray(np.rint(small).astype(np.uint8), "rgb24")
        frame.pts = self._number
        if self._graph is None:
            self._graph = _detector(av, frame)
        self._graph.push(frame)
        return float(self._graph.pull().metadata["lavfi.scd.score"])


def _detector(av: Any, frame: Any) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format="rgb24", time_base="1/25")
    chain = [source, graph.add("scdet", f"threshold={THRESHOLD}"), graph.add("buffersink")]
    for first, second in pairwise(chain):
        first.link_to(second)
    graph.configure()
    return graph
