"""The tables of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from .published import CONVENTIONS, IHARMONY4, INSIDE, OFFICIAL, PCT_NET, Published, compared, matching
from .results import UNTOUCHED, Cost, Evaluation
from .statistics import Chosen, Estimate, by_foreground, by_subset, difference, summarize
from .table import Table

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
    "mse_inside": "MSE inside",
    "psnr_inside": "PSNR inside",
    "delta_e": "ΔE",
    "fdelta_e": "fΔE",
}
"""The headings of `statistics.COLUMNS` in tables."""

SUMMARY = ("mse", "psnr", "fmse", "fpsnr", "ssim", "fssim", "fdelta_e", "fmse_left", "worse")
"""The columns of the main table."""

OURS = {"mse": "mse", "psnr": "psnr_official", "fmse": "fmse", "ssim": "ssim_official", "worse": "worse"}
"""The column of this evaluation for each published score, in the official convention."""

INSIDE_OURS = {"mse": "mse_inside", "psnr": "psnr_inside", "fmse": "fmse", "worse": "worse"}
"""The same for figures that include only errors inside the mask."""

SETS = {"hcoco", "hadobe5k", "hflickr", "hday2night"}

Summary = Mapping[str, Mapping[str, Estimate]]


def tables(evaluation: Evaluation) -> Iterator[Table]:
    """Yield all tables, the most important first."""
    subsets, whole = by_subset(evaluation), summarize(evaluation)
    yield Table(caption(evaluation), *summary_rows(whole))
    if len(evaluation.methods) > 2:
        yield _differences(evaluation)
    if len(subsets) > 1:
        yield _groups("By sub-set: MSE / PSNR.", evaluation, subsets, ("mse", "psnr"))
    yield _groups("By foreground ratio: MSE / fMSE.", evaluation, by_foreground(evaluation), ("mse", "fmse"))
    groups = {name: summarize(evaluation, chosen) for name, chosen in subsets.items()}
    if {name.lower() for name in subsets} >= SETS:
        groups[""] = whole
    if table := _beside_published(evaluation, groups):
        yield table
    if evaluation.costs:
        yield _costs(evaluation)


def caption(evaluation: Evaluation) -> str:
    """Describe the data, the settings, the date and the hardware of an evaluation."""
    size = evaluation.size
    pictures = "full resolution" if size == "full" else f"{size}×{size}"
    what = ", ".join(part for part in (evaluation.dataset, evaluation.split) if part)
    frame = "whole frame" if evaluation.whole_frame else "composited by the mask"
    skipped = f", {len(evaluation.skipped)} skipped" if evaluation.skipped else ""
    ran = ", ".join(part for part in (evaluation.date, evaluation.hardware) if part)
    return (
        f"{what}: {len(evaluation.composites):,} composites{skipped}, {pictures}, {frame}.\n"
        f"Means with 95 % bootstrap intervals; PSNR with peak 255.{f' {ran}.' if ran else ''}"
    )


def summary_rows(summary: Summary, columns: Sequence[str] = SUMMARY) -> tuple[list[str], list[list[str]]]:
    """Return header and rows, a row for each method, of the available columns."""
    columns = measured(summary, columns)
    rows = [
        [method, *(_with_interval(name, estimates[name]) for name in columns)]
        for method, estimates in summary.items()
    ]
    return ["", *(HEADINGS[name] for name in columns)], rows


def measured(summary: Summary, columns: Sequence[str]) -> list[str]:
    """Return the columns that a summary has; older evaluations lack some."""
    return [name for name in columns if all(name in estimates for estimates in summary.values())]


def number(name: str, value: float) -> str:
    """Format a value of one of `HEADINGS`; a dash for NaN."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "−∞" if value < 0 else "∞"
    if name in ("fmse_left", "worse"):
        return f"{100 * value:.1f} %"
    return f"{value:.4f}" if "ssim" in name else f"{value:.2f}"


def _with_interval(name: str, estimate: Estimate) -> str:
    value, low, high = (number(name, v) for v in estimate)
    if math.isnan(estimate.low):
        return value
    return f"{value}\n{low.removesuffix(' %')}–{high.removesuffix(' %')}"


def _differences(evaluation: Evaluation) -> Table:
    first, *others = evaluation.others
    rows = []
    for method in (UNTOUCHED, *others):
        value, low, high = difference(evaluation, method, first)
        rows.append([method, f"{value:+.2f}", "–" if math.isnan(low) else f"{low:+.2f} to {high:+.2f}"])
    title = f"fMSE above that of {first} on the same composites; methods differ if the interval excludes 0."
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


def _beside_published(evaluation: Evaluation, summaries: Mapping[str, Summary]) -> Table | None:
    """Compare published rows with this run's in the official convention, for one sub-set or MSE / PSNR."""
    published = {subset: found for subset in summaries if (found := matching(evaluation, subset))}
    if not published:
        return None
    rows = _published_rows(published)
    counts = {name.lower(): int(chosen.sum()) for name, chosen in by_subset(evaluation).items()}
    counts[""] = len(evaluation.composites)
    numbers = {subset: compared(subset, counts[subset.lower()]) for subset in published}
    partial = any(" of " in number for number in numbers.values())
    columns = _columns(published, numbers)
    for words, ours in _conventions(published):
        words += "" if evaluation.whole_frame else ", composited"
        words += ", other pictures" if partial else ""
        for method in evaluation.methods:
            rows[method, words, "this run"] = {
                subset: {
                    name: summaries[subset][method][column].value
                    for name, column in ours.items()
                    if column in summaries[subset][method]
                }
                for subset in published
            }
    body = [
        [key[0], *(_cell(scores.get(subset, {}), names) for _, subset, names in columns), *key[1:]]
        for key, scores in rows.items()
    ]
    header = ["", *(heading for heading, _, _ in columns), "convention", "measured by"]
    used = {convention.partition(",")[0] for _, convention, _ in rows}
    notes = [f"{name}: {text}." for text, name in CONVENTIONS.items() if name in used]
    if len(used - {CONVENTIONS[IHARMONY4]}) > 1:
        notes.append("Only compare rows of the same convention.")
    if partial:
        notes.append(
            "Not comparable: published figures are means over all composites of the test split, and those of "
            "this run are not."
        )
    (first, *others) = published
    unit = "MSE / PSNR" if others else f"{first or 'all'}, {numbers[first]} composites"
    return Table(f"Compared with published figures: {unit}.", header, body, notes)


def _conventions(published: Mapping[str, Sequence[Published]]) -> list[tuple[str, Mapping[str, str]]]:
    """Return the conventions of this run's rows, and their columns."""
    used = {row.convention for rows in published.values() for row in rows}
    found: list[tuple[str, Mapping[str, str]]] = []
    if used & {OFFICIAL, IHARMONY4}:
        found.append((CONVENTIONS[OFFICIAL], OURS))
    if PCT_NET in used:
        found.append((CONVENTIONS[PCT_NET], INSIDE_OURS))
    if INSIDE in used:  # its PSNR has another peak
        ours = {name: column for name, column in INSIDE_OURS.items() if name != "psnr"}
        found.append((CONVENTIONS[INSIDE], ours))
    return found


def _published_rows(
    published: Mapping[str, Sequence[Published]],
) -> dict[tuple[str, str, str], dict[str, Mapping[str, float]]]:
    """Return sub-set → scores by method, convention and source."""
    rows: dict[tuple[str, str, str], dict[str, Mapping[str, float]]] = {}
    for subset, found in published.items():
        for row in found:
            key = row.method, CONVENTIONS[row.convention], row.measured_by
            rows.setdefault(key, {})[subset] = row.scores
    return rows


def _columns(
    published: Mapping[str, Sequence[Published]], numbers: Mapping[str, str]
) -> list[tuple[str, str, list[str]]]:
    """Return heading, sub-set and scores of each column."""
    columns = []
    for subset, rows in published.items():
        present = [name for name in OURS if any(name in row.scores for row in rows)]
        if len(published) == 1:
            columns += [(HEADINGS[name], subset, [name]) for name in present]
        elif "mse" in present:
            columns.append((f"{subset or 'all'} ({numbers[subset]})", subset, ["mse", "psnr"]))
        else:
            heading = f"{subset or 'all'} ({numbers[subset]})"
            columns += [(f"{heading}, {HEADINGS[name]}", subset, [name]) for name in present]
    return columns


def _cell(scores: Mapping[str, float], names: Sequence[str]) -> str:
    return " / ".join(number(name, scores.get(name, math.nan)) for name in names) if scores else "–"


def _costs(evaluation: Evaluation) -> Table:
    """Make a row for each method and size of picture."""
    title = "Cost of one picture, each in a separate process; memory without libraries, weights and picture."
    header = ["", "picture", "foreground", "parameters", "FLOPs", "time", "memory"]
    return Table(title, header, [_cost(cost) for cost in evaluation.costs])


def _cost(cost: Cost) -> list[str]:
    return [
        cost.method,
        f"{cost.width}×{cost.height}",
        f"{100 * cost.foreground_ratio:.3g} %",
        "–" if cost.parameters is None else f"{cost.parameters:,}",
        "–" if cost.flops is None else f"{cost.flops / 1e9:,.1f} G",
        "out of memory" if cost.seconds is None else f"{cost.seconds:.3g} s",
        "–" if cost.memory is None else f"{cost.memory / 1e6:,.0f} MB",
    ]
