"""The outcome of a study as text, JSON and a plot."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, needs
from ..system.atomic import write_file
from .summary import Summary


def describe(summary: Summary) -> str:
    """Format the outcome as text of several lines."""
    width = max(map(len, (*summary.methods, "method")))
    preferred = summary.wins.sum(1) / np.maximum(1, (summary.wins + summary.wins.T).sum(1))
    lines = [
        "Bradley–Terry scores (log-odds, mean 0)",
        f"95 % intervals by {summary.interval_method}.",
        "",
        f"{'method':{width}}  {'score':>6}  {'95 % interval':^16}  preferred",
    ]
    rows = zip(summary.methods, summary.scores, summary.intervals, preferred, strict=True)
    for method, score, (low, high), share in rows:
        lines.append(f"{method:{width}}  {score:+6.2f}  {low:+6.2f} … {high:+6.2f}  {share:8.0%}")
    columns = [max(6, len(method)) for method in summary.methods]
    header = "  ".join(f"{method:>{size}}" for method, size in zip(summary.methods, columns, strict=True))
    lines += [
        "",
        "Preferred over (row over column; no difference is half for each)",
        "",
        f"{'':{width}}  {header}",
    ]
    for k, method in enumerate(summary.methods):
        cells = ["–" if j == k else f"{value:g}" for j, value in enumerate(summary.wins[k])]
        lines.append(
            f"{method:{width}}  "
            + "  ".join(f"{cell:>{size}}" for cell, size in zip(cells, columns, strict=True))
        )
    return "\n".join([*lines, "", *_counts(summary)])


def write_json(summary: Summary, path: Path) -> None:
    """Write the whole summary, with arrays as lists.

    Raises:
        WriteError: The file cannot be written.
    """
    values = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in asdict(summary).items()
    }
    write_file(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def write_plot(summary: Summary, path: Path) -> None:
    """Plot scores and intervals, one line per method, in a .png, .svg or .pdf file.

    Raises:
        DataError: The file has another suffix.
        CdtnetError: Matplotlib is not installed.
        WriteError: The file cannot be written.
    """
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise DataError(f"The plot {path} must end in .png, .svg or .pdf.")
    with needs("evaluate", "A plot"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(6, 1.2 + 0.4 * len(summary.methods)), layout="constrained")
    axes: Any = figure.add_subplot()
    places = np.arange(len(summary.methods))
    errors = np.abs(summary.intervals - summary.scores[:, None]).T
    axes.errorbar(summary.scores, places, xerr=errors, fmt="o", color="#1f4e79", capsize=3)
    axes.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.set_yticks(places, summary.methods)
    axes.set_ylim(len(summary.methods) - 0.5, -0.5)
    axes.set_xlabel("Bradley–Terry score (log-odds) and 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    stream = io.BytesIO()
    figure.savefig(stream, format=path.suffix[1:], dpi=200)
    write_file(path, stream.getvalue())


def _counts(summary: Summary) -> list[str]:
    decided = summary.answers - summary.same
    people = "1 participant" if summary.participants == 1 else f"{summary.participants} participants"
    lines = [f"{people}, {summary.answers} answers, {summary.same} “no difference”."]
    if decided:
        lines.append(f"{summary.left / decided:.0%} of the choices fell on the left side.")
    if summary.repeated:
        share = summary.alike / summary.repeated
        lines.append(
            f"{summary.alike} of {summary.repeated} repeated pairs were answered alike ({share:.0%})."
        )
    return lines
