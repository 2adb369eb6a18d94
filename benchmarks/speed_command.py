"""Where the time of one `cdtnet harmonize` goes, in the process that this is run as; see speed.py.

The package knows nothing of this: its functions are put into stopwatches here.
"""

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from cdtnet.system.machine import peak_memory


class Clock:
    """Seconds by stage, without those of stages within it; the main thread's, and all tiles' together."""

    def __init__(self) -> None:
        self.main: dict[str, float] = defaultdict(float)
        self.others: dict[str, float] = defaultdict(float)
        self.memory: dict[str, int] = {}
        self._thread, self._lock = threading.local(), threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block as a stage of this name."""
        outer, self._thread.inner = getattr(self._thread, "inner", 0.0), 0.0
        start = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - start
            thread = threading.current_thread()
            main, waited_for = thread is threading.main_thread(), not thread.name.startswith("prepare")
            with self._lock:
                if waited_for:  # the main thread takes down itself how long it waits for the rest
                    (self.main if main else self.others)[name] += took - self._thread.inner
                self.memory[name] = peak_memory()
            self._thread.inner = outer + took

    def wrap(self, owner: Any, attribute: str, *names: str) -> None:
        """Put a function into a stage of that name; if there are several, each call into the next of them."""
        plain, left = getattr(owner, attribute), list(names)

        @wraps(plain)
        def timed(*arguments: Any, **options: Any) -> Any:
            with self.stage(left.pop(0) if len(left) > 1 else left[0]):
                return plain(*arguments, **options)

        setattr(owner, attribute, timed)


def main() -> None:
    began, composite, mask, output = json.loads(sys.argv[1])
    clock = Clock()
    clock.main["start of Python"] = time.perf_counter() - began
    clock.memory["start of Python"] = peak_memory()
    with clock.stage("imports"):
        import cdtnet.cli.main as cli
        import cdtnet.engines.openvino as openvino
        from cdtnet import imaging
        from cdtnet.imaging import write
        from cdtnet.inference import analysis, harmonizer, painter, pipeline

    clock.wrap(imaging, "read_picture", "decode the picture", "decode the mask")
    clock.wrap(pipeline, "mask_for", "check the mask")
    clock.wrap(harmonizer, "to_masks", "check the mask")
    clock.wrap(harmonizer, "find_foreground", "find the objects")
    clock.wrap(analysis, "shrink", "to base size")
    clock.wrap(analysis, "_views", "check the mask's edge")
    clock.wrap(openvino.OpenVinoEngine, "look", "generator and table")
    clock.wrap(openvino._CompiledGraph, "compile", "compile graphs")
    clock.wrap(painter.Painter, "_render", "colors and blending")
    clock.wrap(write, "encode_picture", "encode")
    clock.wrap(write, "write_file", "write")
    open_engine, paint = harmonizer.open_engine, painter.Painter.paint

    def open_timed(*arguments: Any) -> Any:
        with clock.stage("open the network"):
            engine = open_engine(*arguments)
        for name, box in engine._graphs.items():
            if name not in openvino.GLOBAL:
                clock.wrap(box, "run", "look-up" if name == "lookup" else "refinement")
        return engine

    def paint_timed(*arguments: Any, **options: Any) -> Iterator[Any]:
        items, end = paint(*arguments, **options), object()
        while True:
            with clock.stage("tiles"):
                item = next(items, end)
            if item is end:
                return
            yield item

    harmonizer.open_engine, painter.Painter.paint = open_timed, paint_timed
    code = cli.main(["harmonize", composite, mask, "-o", output, "--engine", "openvino"])
    assert code == 0
    print(json.dumps(stages(clock, time.perf_counter() - began)))


def stages(clock: Clock, total: float) -> list[tuple[str, float, int]]:
    """Return name, seconds and the process's peak so far of stages, in order; threads share the time."""
    threads = sum(clock.others.values())
    seconds: dict[str, float] = defaultdict(float)
    for name, spent in clock.main.items():
        shares = clock.others if name == "tiles" else {name: threads}
        for part, share in shares.items():
            seconds[part] += spent * share / threads
    seconds["everything else"] = total - sum(clock.main.values())
    return [(name, spent, clock.memory.get(name, peak_memory())) for name, spent in seconds.items()]


if __name__ == "__main__":
    main()
