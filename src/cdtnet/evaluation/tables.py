"""An evaluation as tables: aligned text for a terminal, or Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from .published import matching
from .results import UNTOUCHED, Cost, Evaluation
from .statistics import Chosen, Estimate, by_foreground, by_subset, difference, summarize

HEADINGS = {
    "mse": "MSE",
    "psnr": "PSNR",
    "psnr_official": "PSNR official",
    "fmse": "fMSE",
    "fpsnr": "fPSNR",
    "ssim": "SSIM",
    "ssim_official": "SSIM official",
    "fssim": "fSSIM",
    "fssim_official": "fSSIM official",
    "fmse_left": "fMSE left",
    "worse": "made worse",
}
"""Names of the columns in tables, in their order."""

SUMMARY = ("mse", "psnr", "fmse", "fpsnr", "ssim", "fssim", "fmse_left", "worse")
WORDS = ("", "picture", "convention", "measured by")  # headings of columns that hold words, not numbers
SETS = {"hcoco", "hadobe5k", "hflickr", "hday2night"}

Summary = Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class Table:
    """A table of strings; a cell's second line is its interval. The first column names the row."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """Aligned columns, numbers to the right."""
        lines = [list(self.header), *(line for row in self.rows for line in _lines(row))]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        left = [heading in WORDS for heading in self.header]
        aligned = [
            "  ".join(
                cell.ljust(width) if words else cell.rjust(width)
                for cell, width, words in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, "", aligned[0], "─" * len(max(aligned, key=len)), *aligned[1:]]) + "\n"

    def markdown(self) -> str:
        """The same for a document."""
        rows = [[_inline(cell) for cell in row] for row in (self.header, *self.rows)]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([self.title, "", lines[0], "|---" * len(self.header) + "|", *lines[1:]]) + "\n"


def tables(evaluation: Evaluation) -> Iterator[Table]:
    """Everything there is to say about an evaluation, the most important first."""
    subsets, bands = by_subset(evaluation), by_foreground(evaluation)
    whole = summarize(evaluation)
    yield Table(caption(evaluation), *summary_rows(whole))
    if len(evaluation.methods) > 2:
        yield _differences(evaluation)
    if len(subsets) > 1:
        yield _groups("By sub-set: MSE / PSNR.", evaluation, subsets, ("mse", "psnr"))
    yield _groups("By foreground ratio: MSE / fMSE.", evaluation, bands, ("mse", "fmse"))
    groups = {name: summarize(evaluation, chosen) for name, chosen in subsets.items()}
    if {name.lower() for name in subsets} >= SETS:
        groups[""] = whole
    for subset, summary in groups.items():
        if table := _side_by_side(evaluation, subset, summary):
            yield table
    if evaluation.costs:
        yield _costs(evaluation)


def caption(evaluation: Evaluation) -> str:
    """What was evaluated, how, when and on what, in a line."""
    size = evaluation.size
    pictures = "full resolution" if size == "full" else f"{size}×{size}"
    what = ", ".join(part for part in (evaluation.dataset, evaluation.split) if part)
    frame = "whole frame" if evaluation.whole_frame else "composited by the mask"
    skipped = f", {len(evaluation.skipped)} skipped" if evaluation.skipped else ""
    ran = ", ".join(part for part in (evaluation.date, evaluation.hardware) if part)
    return (
        f"{what}: {len(evaluation.composites):,} composites{skipped}, {pictures}, {frame}. "
        f"Means with 95 % bootstrap intervals; PSNR with peak 255.{f' {ran}.' if ran else ''}"
    )


def summary_rows(summary: Summary, columns: Sequence[str] = SUMMARY) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table with a line for each method."""
    rows = [
        [method, *(_with_interval(name, estimates[name]) for name in columns)]
        for method, estimates in summary.items()
    ]
    return ["", *(HEADINGS[name] for name in columns)], rows


def number(name: str, value: float) -> str:
    """A value of one of `HEADINGS`, as it is printed."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "−∞" if value < 0 else "∞"
    if name in ("fmse_left", "worse"):
        return f"{100 * value:.1f} %"
    return f"{value:.4f}" if "ssim" in name else f"{value:.2f}"


def _with_interval(name: str, estimate: Estimate) -> str:
    value, low, high = (number(name, v) for v in estimate)
    return (
        value if math.isnan(estimate.low) else f"{value}\n{low.removesuffix(' %')}–{high.removesuffix(' %')}"
    )


def _differences(evaluation: Evaluation) -> Table:
    first, *others = (method for method in evaluation.methods if method != UNTOUCHED)
    rows = []
    for method in (UNTOUCHED, *others):
        value, low, high = difference(evaluation, method, first)
        rows.append([method, f"{value:+.2f}", f"{low:+.2f} to {high:+.2f}"])
    title = f"fMSE above that of {first}, in pairs; they differ where the interval leaves out 0."
    return Table(title, ["", "fMSE", "interval"], rows)


def _groups(
    title: str, evaluation: Evaluation, groups: Mapping[str, Chosen], columns: tuple[str, str]
) -> Table:
    summaries = [summarize(evaluation, chosen) for chosen in groups.values()]
    rows = [
        [method, *(" / ".join(number(name, s[method][name].value) for name in columns) for s in summaries)]
        for method in evaluation.methods
    ]
    header = [f"{name or 'other'} ({int(chosen.sum()):,})" for name, chosen in groups.items()]
    return Table(title, ["", *header], rows)


def _side_by_side(evaluation: Evaluation, subset: str, ours: Summary) -> Table | None:
    """Published rows beside ours, each with its convention; ours in the official one."""
    published = matching(evaluation, subset)
    if not published:
        return None
    columns = ("mse", "psnr", "fmse", "ssim", "worse")
    mine = ("mse", "psnr_official", "fmse", "ssim_official", "worse")
    frame = "whole frame" if evaluation.whole_frame else "composited by the mask"
    rows = [
        [
            row.method,
            *(number(n, row.scores.get(n, math.nan)) for n in columns),
            row.convention,
            row.measured_by,
        ]
        for row in published
    ]
    rows += [
        [
            method,
            *(number(name, scores[name].value) for name in mine),
            f"{frame}; PSNR peak = target's maximum; SSIM official",
            "this run",
        ]
        for method, scores in ours.items()
    ]
    title = f"Beside what is published for {subset or 'all four sub-sets'} at this size."
    return Table(title, ["", *(HEADINGS[n] for n in columns), "convention", "measured by"], rows)


def _costs(evaluation: Evaluation) -> Table:
    """A line for each method and size of picture."""
    title = "Cost of one picture, each in a process of its own; memory above libraries, weights and picture."
    header = ["", "picture", "foreground", "parameters", "FLOPs", "time", "memory"]
    return Table(title, header, [_cost(cost) for cost in evaluation.costs])


def _cost(cost: Cost) -> list[str]:
    return [
        cost.method,
        f"{cost.width}×{cost.height}",
        f"{100 * cost.foreground_ratio:.3g} %",
        "–" if cost.parameters is None else f"{cost.parameters:,}",
        "–" if cost.flops is None else f"{cost.flops / 1e9:.3g} G",
        "out of memory" if cost.seconds is None else f"{cost.seconds:.3g} s",
        "–" if cost.memory is None else f"{cost.memory / 1e6:.0f} MB",
    ]


def _lines(row: Sequence[str]) -> list[list[str]]:
    return [list(line) for line in zip_longest(*(cell.split("\n") for cell in row), fillvalue="")]


def _inline(cell: str) -> str:
    value, _, interval = cell.partition("\n")
    return f"{value} ({interval})" if interval else value
