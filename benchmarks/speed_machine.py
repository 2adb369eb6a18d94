"""Measure what the machine can do at best, and the least work that a picture needs; see speed.py."""

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cdtnet.config import HALO
from cdtnet.engines.opening import open_engine
from cdtnet.engines.quiet import core
from cdtnet.system.machine import available_cores

CHANNELS = 64
LAYERS = 8  # convolutions after one another, so that bringing the data in and out does not count
FLOPS = LAYERS * 2 * 9 * CHANNELS**2  # of them all, for each pixel
SIDES = (64, 128)  # of tiles; what a layer gives fits into the cache
COPIED = 1 << 27
SECONDS = 3.0  # for each measurement
CPU = Path("/proc/cpuinfo")
VNNI = {"avx_vnni", "avx512_vnni"}


@dataclass(frozen=True)
class Machine:
    """Measured rates, and the network's operations.

    Attributes:
        convolutions: FLOP/s of 3×3 convolutions of 64 channels, by runtime and precision.
        copying: Bytes/s read and written when memory is copied.
        flops: FLOP of each model's analysis.
        refinement: FLOP of the refinement for each pixel.
        lookups: Pixels/s looked up in a table, by implementation.
        fast: The precision that OpenVINO picks for 8-bit pictures here.
        units: The best instructions for numbers of less than 32 bits here, as a title says it.
    """

    convolutions: dict[str, float]
    copying: float
    flops: dict[str, float]
    refinement: float
    lookups: dict[str, float]
    fast: str
    units: str

    def limit(self, model: str, pixels: int, touched: int) -> float:
        """Return the least seconds for a picture: arithmetic and then copying, both at the best rate."""
        refined = touched * self.refinement if model == "CDTNet-256" else 0
        arithmetic = (self.flops[model] + refined) / max(self.convolutions.values())
        return arithmetic + 2 * 3 * pixels / self.copying


def main() -> None:
    flops, refinement = operations()
    fast = open_engine("cdtnet-256", "cpu", "openvino").fast
    rates = convolutions(), copying(), flops, refinement, table_lookups()
    print(json.dumps(asdict(Machine(*rates, fast, units()))))


def units() -> str:
    """Return the best instructions that Linux lists on x86-64; elsewhere, OpenVINO tells about bfloat16."""
    flags = set(re.findall(r"\w+", CPU.read_text())) if CPU.exists() else set()
    if "amx_tile" in flags:
        return "AMX"
    capabilities = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return (
        "bfloat16" if "BF16" in capabilities else "VNNI" if flags & VNNI else "without AMX, bfloat16 or VNNI"
    )


def operations() -> tuple[dict[str, float], float]:
    """Return the FLOP of each model's analysis, and of the refinement per pixel."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from cdtnet import load_model
    from cdtnet.model import LowInput

    found = {}
    for label, name in (("CDTNet-256", "cdtnet-256"), ("CDTNet-sim", "cdtnet-sim"), ("iS2AM", "is2am")):
        model = load_model(name)
        size = model.config.base_size
        low = LowInput(*(torch.zeros(1, c, s, s) for c, s in ((3, size), (1, size), (1, size // 8))))
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            analysis = model.analyze(low)
        found[label] = float(counter.get_total_flops())
        if model.refinement is not None:
            image, mask = torch.zeros(1, 3, CHANNELS, CHANNELS), torch.zeros(1, 1, CHANNELS, CHANNELS)
            with torch.inference_mode(), FlopCounterMode(display=False) as counter:
                model.render(analysis, image, mask)
            refinement = counter.get_total_flops() / CHANNELS**2
    return found, refinement


def convolutions() -> dict[str, float]:
    """Return the best FLOP/s over tile sizes, by runtime and precision."""
    makers = {"PyTorch": _in_pytorch, "OpenVINO": _in_openvino}
    return {
        f"{runtime} {precision}": max(make(precision, side) for side in SIDES)
        for runtime, make in makers.items()
        for precision in ("float32", "bfloat16")
    }


def _in_pytorch(precision: str, side: int) -> float:
    import torch

    convolution = torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
    convolution = convolution.to(getattr(torch, precision), memory_format=torch.channels_last)
    x = torch.rand(1, CHANNELS, side, side, dtype=getattr(torch, precision))
    x = x.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run() -> None:
        for _ in range(LAYERS):
            convolution(x)

    return FLOPS * side**2 / best(run)


def _in_openvino(precision: str, side: int) -> float:
    from cdtnet.engines.quiet import opset13, ov

    weights = np.random.default_rng(0).standard_normal((CHANNELS, CHANNELS, 3, 3), np.float32) / 24
    place = x = opset13.parameter([1, CHANNELS, side, side], np.float32)
    for _ in range(LAYERS):
        x = opset13.convolution(x, opset13.constant(weights), [1, 1], [1, 1], [1, 1], [1, 1])
    settings = {"INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision]}
    settings |= {"NUM_STREAMS": available_cores(), "INFERENCE_NUM_THREADS": available_cores()}
    compiled = core().compile_model(ov.Model([x], [place]), "CPU", settings)
    requests = [compiled.create_infer_request() for _ in range(available_cores())]
    tile = np.ones((1, CHANNELS, side, side), np.float32)

    def run() -> None:
        for request in requests:
            request.start_async([tile], share_inputs=True)
        for request in requests:
            request.wait()

    return len(requests) * FLOPS * side**2 / best(run)


def copying() -> float:
    """Return the bytes/s read and written by all cores together, each on its own part."""
    source = np.ones((available_cores(), COPIED // available_cores()), np.uint8)
    target = np.ones_like(source)
    with ThreadPoolExecutor(len(source)) as pool:
        return 2 * source.nbytes / best(lambda: list(pool.map(np.copyto, target, source)))


def table_lookups() -> dict[str, float]:
    """Return the pixels/s of the engine's graph with all threads, and of `Lut.apply`."""
    from cdtnet.engines.openvino import LowAnalysis, OpenVinoEngine
    from cdtnet.engines.protocol import Tile
    from cdtnet.imaging import Lut
    from cdtnet.imaging.geometry import Window
    from cdtnet.imaging.resizing import LowPicture
    from cdtnet.weights import load_weights

    engine = OpenVinoEngine(load_weights("cdtnet-sim"))
    size, side = engine.config.base_size, engine.tile + 2 * HALO
    image, mask = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    analysis = engine.look(LowPicture(image, mask, mask[: size // 8, : size // 8]))
    colors = np.random.default_rng(0).random((side, side, 3), np.float32)
    table = engine.table(analysis)
    assert isinstance(analysis, LowAnalysis)
    assert table is not None

    tile = Tile(colors, np.ones((side, side), np.float32), (side, side), Window(0, 0, side, side))

    def render(_: int) -> None:
        engine.render(analysis, tile)

    count = 8 * engine.parallel
    with ThreadPoolExecutor(engine.parallel) as pool:
        graph = count * side**2 / best(lambda: list(pool.map(render, range(count))))
    plain = side**2 / best(lambda: Lut(table).apply(colors))
    threads = f"{engine.parallel} thread{'s' * (engine.parallel > 1)}"
    return {f"the engine's graph, {threads}": graph, "`Lut.apply`, NumPy, 1 thread": plain}


def best(run: Callable[[], object]) -> float:
    """Return the seconds of the fastest of many runs."""
    run()
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < 3 or time.perf_counter() < until:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
