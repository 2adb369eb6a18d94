"""Scoring methods on a data set, one picture at a time."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ..datasets.samples import Arrays, DataSet, Sample, foreground_ratio, read_sample, resize_arrays
from ..errors import DataError
from ..system.progress import bar
from .journal import Entry, Reports, open_journal
from .methods import Method
from .metrics import METRICS, score
from .results import UNTOUCHED, Composite, Evaluation, Example

Size = int | Literal["full"]

EXAMPLES = 3  # number of examples of each kind
LONG_SIDE = 1024  # longest side of their pictures in pixels


def score_arrays(methods: Mapping[str, Method], name: str, subset: str, arrays: Arrays) -> Entry:
    """Harmonize one composite with every method, and score the results and the unchanged composite.

    Raises:
        DataError: There is no ground truth, or the picture is smaller than SSIM's window.
    """
    real, mask = arrays.real, arrays.mask / np.float32(255)
    if real is None:
        raise DataError(f"{name} has no real image, so there is nothing to compare with.")
    try:
        found = {UNTOUCHED: score(arrays.composite, real, mask)}
        for label, output in outputs(methods, arrays, name):
            found[label] = score(output, real, mask)
    except ValueError as error:
        raise DataError(f"{name} cannot be scored: {error}.") from error
    return Composite(name, subset, foreground_ratio(mask)), found


def evaluation_of(entries: Sequence[Entry], **about: Any) -> Evaluation:
    """Return the results for at least one composite; `about` are the fields that describe the run."""
    values = {
        label: {metric: np.array([found[label][metric] for _, found in entries]) for metric in METRICS}
        for label in entries[0][1]
    }
    return Evaluation(composites=tuple(composite for composite, _ in entries), values=values, **about)


def outputs(
    methods: Mapping[str, Method], arrays: Arrays, name: str = ""
) -> Iterator[tuple[str, NDArray[np.floating[Any]]]]:
    """Yield each method's result of a sample, except "composite": label and (H,W,3) floats, 0..255."""
    for label, method in methods.items():
        if label != UNTOUCHED:
            output = method.output(name, arrays) * np.float32(255)
            yield label, np.clip(output, 0, 255, out=output)


def evaluate(
    dataset: DataSet,
    methods: Mapping[str, Method],
    size: Size,
    *,
    damaged: Literal["skip", "fail"] = "skip",
    say: Callable[[str], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    journal: Path | None = None,
    **about: Any,
) -> Evaluation:
    """Score methods on all samples of a data set.

    Args:
        dataset: Composites with masks and real images.
        methods: label → method.
        size: The side of the squares to which pictures are resized, as published, or "full".
        damaged: Whether to name and skip a sample that cannot be read, or to stop.
        say: Called with a sentence for each skipped sample.
        stopped: Called before each sample; if it returns true, KeyboardInterrupt is raised.
        journal: The file that stores each composite's scores at once, and from which the same evaluation
            resumes.
        about: Further fields of the `Evaluation`.

    Raises:
        DataError: A sample cannot be read, and `damaged` is "fail"; or none could be scored; or the
            journal is of another evaluation.
    """
    entries: list[Entry] = []
    skipped = list(dataset.problems)
    if skipped and damaged == "fail":
        raise DataError(skipped[0])
    same = {"dataset": dataset.root.name, "size": size, "whole_frame": about.get("whole_frame")}
    same |= {"methods": list(methods), "metrics": list(METRICS), "sha256": about.get("sha256", {})}
    pace = Reports(len(dataset.samples), say)
    with (
        open_journal(journal, same) as (kept, keep),
        bar(dataset.samples, description="scoring", unit="composites") as samples,
    ):
        for sample in samples:
            if stopped():
                raise KeyboardInterrupt
            if before := kept.get(sample.name):
                entries.append(before)
                pace.tick(worked=False)
                continue
            try:
                entry = score_arrays(methods, sample.name, sample.subset, _arrays(sample, size))
            except DataError as problem:
                if damaged == "fail":
                    raise
                skipped.append(str(problem))
                say(f"Skipped: {problem}")
            else:
                keep(*entry)
                entries.append(entry)
            pace.tick()
    if not entries:
        raise DataError(f"Nothing in {dataset.root} could be scored. {skipped[0] if skipped else ''}".strip())
    return evaluation_of(
        entries, dataset=dataset.root.name, layout=dataset.layout, size=size, skipped=tuple(skipped), **about
    )


def examples(
    evaluation: Evaluation, samples: Sequence[Sample], methods: Mapping[str, Method]
) -> Iterator[Example]:
    """Read the best, middle and worst composites of the first method again, and harmonize them."""
    by_name = {sample.name: sample for sample in samples}
    for index, kind in telling(evaluation):
        arrays = _arrays(by_name[evaluation.composites[index].name], evaluation.size)
        assert arrays.real is not None
        composite, mask, real = map(_reduced, (arrays.composite, arrays.mask, arrays.real))
        name = evaluation.composites[index].name
        made = {label: _reduced(output) for label, output in outputs(methods, arrays, name)}
        yield Example(index, kind, composite, mask, real, made)


def telling(evaluation: Evaluation) -> list[tuple[int, Literal["best", "median", "worst"]]]:
    """Choose the composites with the highest, middle and lowest drop in fMSE, each with its kind."""
    first = next(iter(evaluation.others), UNTOUCHED)
    drop = evaluation.values[UNTOUCHED]["fmse"] - evaluation.values[first]["fmse"]
    order = [int(index) for index in np.argsort(-drop, kind="stable")]
    count = min(EXAMPLES, max(len(order) // 3, 1))
    middle = (len(order) - count) // 2
    kinds: dict[int, Literal["best", "median", "worst"]] = {}
    for index in order[:count]:
        kinds[index] = "best"
    for index in order[-count:]:
        kinds.setdefault(index, "worst")
    for index in order[middle : middle + count]:
        kinds.setdefault(index, "median")
    return [(index, kinds[index]) for index in order if index in kinds]


def circumstances(methods: Mapping[str, Method]) -> dict[str, str]:
    """Return `date` and `hardware` of an `Evaluation`."""
    networks = [method.network for method in methods.values() if method.network]
    devices = {str(next(network.parameters()).device) for network in networks} or {"cpu"}
    named = [torch.cuda.get_device_name(d) if d.startswith("cuda") else d.upper() for d in sorted(devices)]
    threads = torch.get_num_threads()
    hardware = f"{platform.machine()}, {', '.join(named)}, {threads} thread{'s' * (threads > 1)}"
    return {"date": str(date.today()), "hardware": f"{hardware}, PyTorch {torch.__version__}"}


def _arrays(sample: Sample, size: Size) -> Arrays:
    arrays = read_sample(sample)
    return arrays if size == "full" else resize_arrays(arrays, size)


def _reduced(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert a picture (H,W) or (H,W,3) to 8-bit levels, no longer than `LONG_SIDE`."""
    height, width = picture.shape[:2]
    scale = min(LONG_SIDE / max(height, width), 1)
    size = max(round(scale * height), 1), max(round(scale * width), 1)
    planes = torch.from_numpy(picture).reshape(height, width, -1).permute(2, 0, 1)[None].float()
    small = F.interpolate(planes, size, mode="area")[0].permute(1, 2, 0).round().to(torch.uint8)
    return np.ascontiguousarray(small.numpy()).reshape(*size, *picture.shape[2:])
