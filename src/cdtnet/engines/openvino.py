"""The OpenVINO engine, for CPUs; it does not need PyTorch.

It runs the graphs in `graphs/`, which `export.py` writes from the PyTorch modules, with any weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..config import IMAGENET_MEAN, IMAGENET_STD, Precision
from ..imaging.geometry import low_positions
from ..imaging.resizing import LowPicture
from ..system.machine import available_cores, trim_memory
from ..weights import Weights
from .confidence import mix
from .integers import in_integers
from .protocol import Tile
from .quiet import core, opset13, ov

FloatArray = NDArray[np.float32]

GRAPHS = Path(__file__).parent / "graphs"
BOXES = {
    "cdtnet": ("generator", "color_mapping", "lookup", "residual", "refinement"),
    "cdtnet-sim": ("generator", "color_mapping", "lookup"),
    "is2am": ("generator", "upsampling"),
}
CORRECTION = "correction"  # the graph of the refinement with a residual
GLOBAL = ("generator", "color_mapping", "residual")  # run once per picture, on all threads together
LOOKING = ("generator", "color_mapping", "lookup", "residual")  # the graphs of the analysis, in order


class LowAnalysis(NamedTuple):
    """The analysis of a picture: the input of rendering.

    Attributes:
        low: (1,3+32,S,S), the generator's picture, normalized, or the correction of the color mapping's
            (`Config.residual`), and its features; None for "cdtnet-sim".
        table: (1,3,33,33,33), the mixed LUT, axes color, blue, green, red; None for "is2am".
        atlas: (1,3,204,204), the same as a flat picture, for look-ups.
    """

    low: FloatArray | None
    table: FloatArray | None = None
    atlas: FloatArray | None = None

    def mirrored(self) -> LowAnalysis:
        """Return the analysis of the mirrored picture."""
        return self if self.low is None else self._replace(low=np.ascontiguousarray(self.low[..., ::-1]))

    def resampled(self, rows: FloatArray, columns: FloatArray) -> LowAnalysis:
        """Return the analysis of the same picture moved and scaled; see `Engine.look`."""
        return (
            self if self.low is None else self._replace(low=(rows @ self.low @ columns.T).astype(np.float32))
        )

    def recolored(self, other: LowAnalysis) -> LowAnalysis:
        """Return the same analysis with the table of another."""
        return other._replace(low=self.low)


class OpenVinoEngine:
    """An `Engine` on the CPU.

    Args:
        weights: The weights of the network.
        threads: The number of threads; by default one per core.

    Raises:
        WeightsError: The weights do not fit.
    """

    name = "openvino"
    step = 32

    def __init__(self, weights: Weights, threads: int | None = None):
        self.config = weights.config
        self.parallel = threads or available_cores()
        capabilities = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.fast: Precision = "bfloat16" if "BF16" in capabilities else "float32"
        self.precisions: tuple[Precision, ...] = ("float32", "bfloat16")
        graphs = _read_graphs(weights)
        if self.config.variant == "cdtnet-sim":  # the encoder alone
            whole = graphs["generator"]
            graphs["generator"] = ov.Model([whole.output("bottleneck")], whole.get_parameters(), "encoder")
        size = self.config.base_size
        graphs["generator"].reshape({"image": [1, 3, size, size], "mask": [1, 1, size, size]})

        def box(name: str, precision: Precision = "float32") -> _CompiledGraph:
            streams = 1 if name in GLOBAL else self.parallel
            return _CompiledGraph(graphs[name], precision, self.parallel, streams)

        self._graphs = {name: box(name) for name in graphs}
        self._prepared = False
        # With the refinement, tiles of 256 would take four times the memory of activations, in the same time.
        self.tile = 128 if "refinement" in graphs else 256
        if "refinement" in graphs:
            self._graphs["refinement, bfloat16"] = box("refinement", "bfloat16")
            if integers := in_integers(graphs["refinement"], weights):
                self._graphs["refinement, int8"] = _CompiledGraph(
                    integers, "float32", self.parallel, self.parallel
                )
                self.precisions += ("int8",)
                self.fast = "int8" if "INT8" in capabilities else self.fast

    def prepare(self) -> None:
        """Start to compile the graphs of the analysis; see `Engine`."""
        if self._prepared:
            return
        self._prepared = True
        pool = ThreadPoolExecutor(1, "prepare")
        for name in LOOKING:
            if name in self._graphs:
                pool.submit(self._graphs[name].compile)
        pool.shutdown(wait=False)

    def look(self, low: LowPicture) -> LowAnalysis:
        """Analyze a picture; see `Engine`."""
        image = np.ascontiguousarray(low.image.transpose(2, 0, 1)[None])
        found = self._graphs["generator"].run(image=image, mask=low.mask[None, None])
        mixed = {}
        if mapping := self._graphs.get("color_mapping"):
            mixed = mapping.run(bottleneck=found["bottleneck"], coarse_mask=low.coarse_mask[None, None])
        analysis = LowAnalysis(found.get("low"), **mixed)
        if "residual" in self._graphs:
            assert analysis.low is not None
            found = self._graphs["residual"].run(low=analysis.low, mapped=self._map(analysis, low)[None])
            analysis = analysis._replace(low=found["residual"])
        return analysis

    def mix(self, analyses: Sequence[LowAnalysis], weights: Sequence[float]) -> LowAnalysis:
        """Mix analyses of the same picture; see `Engine`."""
        return LowAnalysis(*(mix(parts, weights) for parts in zip(*analyses, strict=True)))

    def release_memory(self) -> None:
        """Release the memory of analyses; see `Engine`."""
        for name in GLOBAL:
            if name in self._graphs:
                self._graphs[name].release_memory()
        trim_memory()

    def preview(self, analysis: LowAnalysis, low: LowPicture) -> FloatArray:
        """Return the picture at base size that an analysis gives, (S,S,3)."""
        if analysis.low is None:
            return self._map(analysis, low)
        painted = analysis.low[0, :3].transpose(1, 2, 0) * np.array(IMAGENET_STD, np.float32)
        if "residual" in self._graphs:
            return painted + self._map(analysis, low)
        return painted + np.array(IMAGENET_MEAN, np.float32)

    def _map(self, analysis: LowAnalysis, low: LowPicture) -> FloatArray:
        """Return the color mapping's picture at base size, (S,S,3)."""
        assert analysis.atlas is not None
        inputs = {"image": low.image[None], "mask": low.mask[None, ..., None]}
        return self._graphs["lookup"].run(atlas=analysis.atlas, **inputs)["mapped"][0]

    def render(self, analysis: LowAnalysis, tile: Tile, precision: Precision = "float32") -> FloatArray:
        """Render a tile, whole frame as published; see `Engine`."""
        inputs = {"image": tile.composite[None], "mask": tile.mask[None, ..., None]}
        if analysis.atlas is not None:
            inputs["mapped"] = self._graphs["lookup"].run(atlas=analysis.atlas, **inputs)["mapped"]
        if analysis.low is None:
            return inputs["mapped"][0]
        (height, width), window = tile.size, tile.window
        top, rows = _interpolation(window.top, window.bottom, height, self.config.base_size)
        left, columns = _interpolation(window.left, window.right, width, self.config.base_size)
        part = analysis.low[:, :, top : top + rows.shape[1], left : left + columns.shape[1]]
        drawn = {"low": np.ascontiguousarray(part), "rows": rows, "columns": columns}
        if analysis.atlas is None:
            return self._graphs["upsampling"].run(**drawn)["upsampled"][0]
        box = self._graphs["refinement" if precision == "float32" else f"refinement, {precision}"]
        return box.run(**inputs, **drawn)["refined"][0]

    def table(self, analysis: LowAnalysis) -> FloatArray | None:
        """Return the mixed LUT as (33,33,33,3), axes blue, green, red, color; None for "is2am"."""
        return (
            None if analysis.table is None else np.ascontiguousarray(analysis.table[0].transpose(1, 2, 3, 0))
        )

    def describe(self) -> str:
        """Describe the runtime and the device."""
        return f"OpenVINO {ov.__version__.partition('-')[0]}, {self.fast}, {self.parallel} threads"


class _CompiledGraph:
    """A compiled graph. Threads may share it: each run uses a free inference request, or a new one."""

    def __init__(self, graph: ov.Model, precision: Precision, threads: int, streams: int):
        self._graph: ov.Model | None = graph  # None after compiling
        self._precision = precision
        self._threads, self._streams = threads, streams
        self._compiled: ov.CompiledModel | None = None
        self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
        self._lock = Lock()

    def run(self, **inputs: FloatArray) -> dict[str, FloatArray]:
        """Run the graph, and return its outputs by name."""
        with self._request() as request:
            found = request.infer(inputs, share_inputs=True)
            return {output.any_name: value for output, value in found.items()}

    def release_memory(self) -> None:
        """Release inputs, outputs and activations, unless another thread is computing."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait()
        if self._compiled is not None:
            with suppress(RuntimeError):
                self._compiled.release_memory()

    @contextmanager
    def _request(self) -> Iterator[ov.InferRequest]:
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self.compile().create_infer_request()
        yield request
        self._idle.put(request)

    def compile(self) -> ov.CompiledModel:
        """Return the compiled graph, and compile it on first use."""
        with self._lock:
            if self._compiled is None:
                settings = {
                    "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[self._precision],
                    "INFERENCE_NUM_THREADS": self._threads,
                    "NUM_STREAMS": self._streams,
                    "ENABLE_CPU_PINNING": False,  # several processes may share the cores
                    "CPU_RUNTIME_CACHE_CAPACITY": 32,  # number of compiled kernels kept, one per shape
                }
                self._compiled = core().compile_model(self._graph, "CPU", settings)
                self._graph = None
                trim_memory()  # compiling takes more memory than the compiled graph
            return self._compiled


def _read_graphs(weights: Weights) -> dict[str, ov.Model]:
    """Read the sub-graphs of a network, and insert its weights.

    Raises:
        WeightsError: The weights are not exactly the inputs of the graphs.
    """
    files = {name: name for name in BOXES[weights.config.variant]}
    if not weights.config.residual:
        files.pop("residual", None)
    elif "refinement" in files:
        files["refinement"] = CORRECTION
    graphs = {name: core().read_model(GRAPHS / f"{file}.onnx") for name, file in files.items()}
    places = {
        parameter.friendly_name: parameter
        for graph in graphs.values()
        for parameter in graph.get_parameters()
        if "." in parameter.friendly_name
    }
    weights.check(_shapes(places, weights))
    for graph in graphs.values():
        for parameter in graph.get_parameters():
            if parameter.friendly_name in places:
                constant = opset13.constant(weights.entries[parameter.friendly_name])
                constant.set_friendly_name(parameter.friendly_name)
                parameter.output(0).replace(constant.output(0))
                graph.remove_parameter(parameter)
        graph.validate_nodes_and_infer_types()
    return graphs


def _interpolation(start: int, stop: int, size: int, low_size: int) -> tuple[int, FloatArray]:
    """Return the interpolation of pixels start..stop of a line of `size` from a line of `low_size`.

    Returns:
        The first low-resolution sample that is used, and weights (stop−start, n) of it and the next ones.
    """
    positions = low_positions(start, stop, size, low_size)
    first, last = int(positions[0]), min(int(positions[-1]) + 1, low_size - 1)
    samples = np.arange(first, last + 1)
    weights = np.maximum(1 - np.abs(positions[:, None] - samples), 0)
    return first, weights.astype(np.float32)


def _shapes(places: Mapping[str, ov.op.Parameter], weights: Weights) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's entries; only the number of LUTs is free in the graphs."""
    # BatchNorm's counters, which do not affect results, are not in the graphs.
    shapes: dict[str, tuple[int, ...]] = {n: () for n in weights.entries if n.endswith("num_batches_tracked")}
    for name, place in places.items():
        sizes = place.partial_shape
        shapes[name] = tuple(weights.config.luts if s.is_dynamic else s.get_length() for s in sizes)
    return shapes
