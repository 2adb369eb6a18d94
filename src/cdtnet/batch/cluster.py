"""A batch on a cluster, by Ray Data: reading, rendering and writing are distributed over its nodes.

If a node is lost, its pictures are processed again from their files. Actors, which load the model once,
render; tasks read and write, so that a GPU does not wait for them.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any

from ..errors import CdtnetError, needs
from .running import Todo
from .stores import Store
from .work import BatchOptions, BatchRecord, attempt, begin, decode, fetch, render, save

IN_FLIGHT = 1 << 30  # bytes of decoded pictures between steps, per node
_PART = 100_000  # pictures submitted to the cluster at a time
_BLOCK = 16  # largest number of pictures read by one task

Row = dict[str, Any]


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to a cluster, or start one on this machine for "local"."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with needs("ray", "A cluster"):
        import ray
    own = {"include_dashboard": False, "object_store_memory": IN_FLIGHT} if address == "local" else {}
    with redirect_stdout(sys.stderr):  # Ray prints events of nodes
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise CdtnetError(f"The cluster at {address} cannot be reached ({error}).") from error
        try:
            yield
        finally:
            ray.shutdown()


def run(
    todo: Sequence[Todo],
    store: Store,
    options: BatchOptions,
    *,
    workers: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[BatchRecord]:
    """Harmonize pictures on the connected cluster, and yield their records in the order of completion.

    Args:
        todo: The jobs, with the stamps of their files.
        store: The destination; all nodes must be able to access it, and the files of the jobs.
        options: The options that determine the results; the device "cuda" gives each actor a GPU.
        workers: The largest number of actors; by default one per core, or per GPU.
        stopped: Returns whether to stop; called after each picture.

    Raises:
        CdtnetError: The actors cannot start, because a model, a GPU or another requirement is missing.
    """
    import ray

    nodes = sum(node["Alive"] for node in ray.nodes())
    resource = "GPU" if _wants_gpu(options) else "CPU"
    there = int(ray.cluster_resources().get(resource, 0))
    if not there:
        raise CdtnetError(f"The cluster has no {resource}; choose another --device, or another cluster.")
    _configure(nodes)
    queue = iter(todo)
    while part := list(islice(queue, _PART)):
        dataset = _plan(part, store, options, workers or there)
        try:
            for row in dataset.iter_rows():
                yield BatchRecord(**row)
                if stopped():
                    return
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise CdtnetError(f"The cluster cannot process the pictures: {reason}") from error


def _wants_gpu(options: BatchOptions) -> bool:
    return options.runtime.get("device", "auto").startswith("cuda")


def _plan(todo: Sequence[Todo], store: Store, options: BatchOptions, actors: int) -> Any:
    """Make the lazy data set of records."""
    import ray

    # An actor takes three quarters of a core and a task one quarter, so that neither blocks the other.
    task, actor = {"num_cpus": 0.25}, {"num_cpus": 0.75, "num_gpus": int(_wants_gpu(options))}
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=actors)
    blocks = math.ceil(len(todo) / min(_BLOCK, math.ceil(len(todo) / 1000)))
    return (
        ray.data.from_items([{"todo": one} for one in todo], override_num_blocks=blocks)
        .map(partial(_read, options), **task)
        .map(_Renderer, fn_constructor_args=(options,), compute=pool, **actor)
        .map(partial(_write, options, store), **task)
    )


def _configure(nodes: int) -> None:
    from ray.data import DataContext, ExecutionOptions

    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.enable_fallback_to_arrow_object_ext_type = True
    limits = context.execution_options.resource_limits
    context.execution_options = ExecutionOptions(
        resource_limits=limits.copy(object_store_memory=nodes * IN_FLIGHT)
    )
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _read(options: BatchOptions, row: Row) -> Row:
    work = attempt(fetch, begin(*row["todo"]))
    return {"work": attempt(partial(decode, options), work)}


class _Renderer:
    """An actor with a loaded model."""

    def __init__(self, options: BatchOptions) -> None:
        from ..inference.harmonizer import Harmonizer

        # An actor has one core, or one GPU; Ray sets PyTorch's threads accordingly.
        harmonizer = Harmonizer(options.model, **options.runtime, threads=1)
        self._render = partial(render, options, harmonizer, None)

    def __call__(self, row: Row) -> Row:
        return {"work": attempt(self._render, row["work"])}


def _write(options: BatchOptions, store: Store, row: Row) -> Row:
    return asdict(attempt(partial(save, options, store), row["work"]).record)
