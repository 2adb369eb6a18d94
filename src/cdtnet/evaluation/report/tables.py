"""The tables of the page: cells with an interval and a sort key; the best of a column is marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..published import COMPOSITES, INSIDE, PCT_NET, Published, matching
from ..results import UNTOUCHED, Cost, Evaluation
from ..statistics import Estimate, by_foreground, by_subset, difference, summarize
from ..tables import HEADINGS, SETS, SUMMARY, Summary, measured, number
from .plots import color_index, gains

OFFICIAL = ("mse", "psnr_official", "fmse", "ssim_official", "fssim_official", "worse")
SCORES = ("mse", "psnr", "fmse", "ssim", "fssim")
FAILURES = 10


@dataclass(frozen=True)
class Cell:
    """A formatted value, its interval, and its sort key."""

    text: str
    order: float = math.nan
    interval: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a table; the color is an index into the style sheet's colors, for methods of this run."""

    name: str
    cells: Sequence[Cell]
    note: str = ""
    color: int | None = None


@dataclass(frozen=True)
class HtmlTable:
    """Columns with a name and an arrow for the better direction; groups of rows with headings."""

    caption: str
    header: Sequence[str]
    groups: Mapping[str, Sequence[Row]]
    first: str = "method"


@dataclass(frozen=True)
class Panel:
    """The tables of all composites, of a sub-set or of a range of foreground ratios."""

    name: str
    count: int
    tables: list[HtmlTable]


def panels(evaluation: Evaluation, whole: Summary) -> list[Panel]:
    """Return the panels of all composites, of sub-sets if there are several, and of ranges with composites.

    Args:
        evaluation: The evaluation.
        whole: Its summary over all composites.
    """
    subsets, bands = by_subset(evaluation), by_foreground(evaluation)
    everything = len(evaluation.composites)
    found = [_panel(evaluation, "All composites", everything, whole, _published_for_all(evaluation, subsets))]
    if len(evaluation.methods) > 2:
        found[0].tables.append(_differences(evaluation))
    for name, chosen in (subsets if len(subsets) > 1 else {}).items():
        summary, rows = summarize(evaluation, chosen), matching(evaluation, name) if name else []
        found.append(_panel(evaluation, name or "other", int(chosen.sum()), summary, rows))
    for name, chosen in bands.items():
        if 0 < (count := int(chosen.sum())) < everything:
            found.append(_panel(evaluation, f"Foreground {name}", count, summarize(evaluation, chosen), []))
    return found


def scores(evaluation: Evaluation, index: int) -> HtmlTable:
    """Return the scores of one composite, a line for each method."""
    summary = {
        method: {name: Estimate(float(values[name][index]), math.nan, math.nan) for name in SCORES}
        for method, values in evaluation.values.items()
    }
    return HtmlTable("Scores of this picture", _header(SCORES), {"": _rows(evaluation, summary, SCORES)})


def failures(evaluation: Evaluation, method: str) -> HtmlTable:
    """Return the composites that a method made worse, the worst first."""
    gain = gains(evaluation, method)
    worst = [int(index) for index in np.argsort(gain, kind="stable")[:FAILURES] if gain[index] < 0]
    rows = []
    for index in worst:
        before, after = (float(evaluation.values[m]["fmse"][index]) for m in (UNTOUCHED, method))
        share = 100 * evaluation.composites[index].foreground_ratio
        values = ((f"{share:.1f} %", share), *((f"{v:.1f}", v) for v in (before, after)))
        harm = Cell(f"+{after - before:.1f}", after - before)
        rows.append(Row(evaluation.composites[index].name, [*(Cell(*v) for v in values), harm]))
    header = ("foreground", "fMSE unchanged", f"fMSE {method}", "change")
    return HtmlTable(f"Made worse by {method}, the worst first", header, {"": rows}, "composite")


def costs(evaluation: Evaluation) -> HtmlTable:
    """Return the costs of methods for one picture, grouped by the picture's size."""
    groups: dict[str, list[Row]] = {}
    for cost in evaluation.costs:
        share = f"{100 * cost.foreground_ratio:.3g} % foreground"
        title = f"{cost.width}×{cost.height}, {share}"
        color = color_index(evaluation, cost.method) if cost.method in evaluation.methods else None
        groups.setdefault(title, []).append(Row(cost.method, _cost(cost), color=color))
    caption = "One picture, each in a separate process; memory without libraries, weights and picture"
    return HtmlTable(caption, ("parameters", "FLOPs", "time", "memory"), groups)


def _panel(
    evaluation: Evaluation, name: str, count: int, summary: Summary, rows: Sequence[Published]
) -> Panel:
    standard = "Means and 95 % bootstrap intervals; PSNR with peak 255, SSIM with range 255"
    official = "Official convention: PSNR with the real photo’s maximum as peak, SSIM with 7×7 windows"
    if not evaluation.whole_frame:
        official += "; the official code scores the whole frame"
    columns = measured(summary, SUMMARY)
    groups = {"This run": _rows(evaluation, summary, OFFICIAL)}
    if rows:
        heading, expected = "Published figures, not measured here", COMPOSITES[rows[0].subset.lower()]
        if count != expected:
            heading += f"; not comparable: means over {expected:,} composites, this run's over {count:,}"
        groups[heading] = [_published(row) for row in rows]
    found = [
        HtmlTable(standard, _header(columns), {"": _rows(evaluation, summary, columns)}),
        HtmlTable(official, _header(OFFICIAL), groups),
    ]
    return Panel(name, count, found)


def _differences(evaluation: Evaluation) -> HtmlTable:
    """Compare the first method with the others, composite by composite."""
    first, *others = evaluation.others
    rows = []
    for method in (UNTOUCHED, *others):
        value, low, high = difference(evaluation, method, first)
        cell = Cell(f"{value:+.2f}", value, f"{low:+.2f} to {high:+.2f}")
        rows.append(Row(method, [cell], color=color_index(evaluation, method)))
    caption = f"Compared with {first} on the same composites; methods differ if the interval excludes 0"
    return HtmlTable(caption, [f"fMSE above that of {first}"], {"": rows})


def _published_for_all(evaluation: Evaluation, subsets: Mapping[str, object]) -> list[Published]:
    """Return published rows for a whole evaluation: of iHarmony4, or of its one sub-set."""
    if {name.lower() for name in subsets} >= SETS:
        return matching(evaluation, "")
    return matching(evaluation, *subsets) if len(subsets) == 1 and "" not in subsets else []


def _header(columns: Sequence[str]) -> list[str]:
    return [f"{HEADINGS[name].removesuffix(' official')} {'↑' if _rises(name) else '↓'}" for name in columns]


def _rises(column: str) -> bool:
    return "psnr" in column or "ssim" in column


def _rows(evaluation: Evaluation, summary: Summary, columns: Sequence[str]) -> list[Row]:
    """Return a row per method; the best of each column is marked, unchanged composites apart."""
    best = {}
    for name in columns:
        values = [row[name].value for method, row in summary.items() if method != UNTOUCHED]
        if values and not np.isnan(values).all():
            best[name] = number(name, float(np.nanmax(values) if _rises(name) else np.nanmin(values)))
    return [
        Row(
            method,
            [_cell(name, row[name], best.get(name) if method != UNTOUCHED else None) for name in columns],
            "unchanged" if method == UNTOUCHED else "",
            color_index(evaluation, method),
        )
        for method, row in summary.items()
    ]


def _cell(name: str, estimate: Estimate, best: str | None = None) -> Cell:
    value, low, high = (number(name, part) for part in estimate)
    interval = "" if math.isnan(estimate.low) else f"{low.removesuffix(' %')}–{high.removesuffix(' %')}"
    return Cell(value, estimate.value, interval, value == best)


def _published(row: Published) -> Row:
    values = {name: row.scores.get(name.removesuffix("_official"), math.nan) for name in OFFICIAL}
    cells = [Cell(number(name, value), value) for name, value in values.items()]
    other = "not comparable: " if row.convention in (INSIDE, PCT_NET) else ""
    return Row(row.method, cells, f"{other}{row.convention}; measured by {row.measured_by}")


def _cost(cost: Cost) -> list[Cell]:
    missing, seconds, memory = Cell("–"), cost.seconds, cost.memory
    return [
        missing if cost.parameters is None else Cell(f"{cost.parameters:,}", cost.parameters),
        missing if cost.flops is None else Cell(f"{_three_digits(cost.flops / 1e9)} G", cost.flops),
        Cell("out of memory", math.inf) if seconds is None else Cell(f"{_three_digits(seconds)} s", seconds),
        missing if memory is None else Cell(f"{_three_digits(memory / 1e6)} MB", memory),
    ]


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
