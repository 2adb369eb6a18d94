"""Plot the measurements of speed.py."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from speed_cell import INEXACT, METHODS, PLAIN
from speed_page import SHARE, Command, Measured

from cdtnet.evaluation.report.plots import plain_style

INK, LINE, OTHERS = "#333333", "#dddddd", "#8e5ea2"
FAMILIES = {
    "CDTNet-256": "#0b6e4f",
    "CDTNet-sim": "#2a7fb8",
    "iS2AM": "#d17a22",
    "Reinhard": "#999999",
    "MKL": "#999999",
    "Histogram matching": "#999999",
    "Poisson blending": "#555555",
}
DASHES = {"int8": "-", "bfloat16": (0, (4, 1, 1, 1)), "float32": (0, (5, 1.5))}
SHOWN = 0.025  # share of a bar from which on a stage is named in it


@rc_context(plain_style(INK, LINE))
def plot(measured: Measured, path: Path) -> None:
    """Plot times over pixels, and the profile of the largest command."""
    figure = Figure(figsize=(9, 7.4), layout="constrained")
    curves, bar = figure.subplots(2, 1, height_ratios=(5, 1))
    _curves(curves, measured)
    found = [command for command in measured.commands if command.stages]
    _bar(bar, found[-1])
    figure.savefig(path, dpi=120)


def _curves(axes: Axes, measured: Measured) -> None:
    ends: list[tuple[float, float, str, str]] = []
    for method in METHODS:
        points = [] if method.endswith(INEXACT) else _points(measured, method)
        if points:
            family = method.split(",")[0].split(" at ")[0]
            color = "#b3263a" if method == PLAIN else FAMILIES.get(family, OTHERS)
            light = "OpenVINO" not in method
            dash = DASHES["float32" if "float32" in method else "bfloat16"]
            axes.plot(*zip(*points, strict=True), color=color, linestyle=dash, linewidth=1 if light else 2)
            axes.plot(*zip(*points, strict=True), "o", color=color, markersize=3 if light else 4.5)
            ends.append((*points[-1], method, color))
    limits = [
        (pixels, least)
        for size, pixels in _sizes(measured)
        if (least := measured.limit(measured.ours, size)) is not None
    ]
    if limits:
        axes.plot(*zip(*limits, strict=True), color=INK, linestyle=(0, (1, 1.5)), linewidth=1.2)
        ends.append((*limits[-1], "CDTNet-256, the limit", INK))
    axes.set(xscale="log", yscale="log", ylabel="time, warm")
    axes.set_title(f"Foreground of {100 * SHARE:g} %", loc="left", fontsize=10)
    sizes = [(size, pixels) for size, pixels in _sizes(measured) if any(k[1] == size for k in measured.cells)]
    axes.set_xticks([pixels for _, pixels in sizes], [size for size, _ in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(10, (1, 2, 5), numticks=30))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(visible=True)
    _label(axes, ends)


def _points(measured: Measured, method: str) -> list[tuple[int, float]]:
    found = ((pixels, measured.warm(method, size)) for size, pixels in _sizes(measured))
    return [(pixels, seconds) for pixels, seconds in found if seconds]


def _sizes(measured: Measured) -> list[tuple[str, int]]:
    return [(size, height * width) for size, (height, width) in measured.sizes.items()]


def _label(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write names to the right of the curves, from the top down, without overlap."""
    low, high = np.log10(axes.get_ylim())
    gap, place = (high - low) / 24, np.inf
    room = [0.0] * len(ends)
    ends = sorted(ends, key=lambda end: -end[1])
    for i, (_, y, *_) in enumerate(ends):
        room[i] = place = min(float(np.log10(y)), place - gap)
    lift = max(low - room[-1] + gap, 0) if room else 0
    for height, (x, y, name, color) in zip(room, ends, strict=True):
        axes.annotate(
            name,
            (x, y),
            (1.02, (height + lift - low) / (high - low)),
            textcoords="axes fraction",
            color=color,
            va="center",
            fontsize=8,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.5,
                "alpha": 0.6,
                "relpos": (0, 0.5),
            },
        )


def _bar(axes: Axes, command: Command) -> None:
    """Draw the stages of a command, one after another."""
    total = sum(seconds for _, seconds, _ in command.stages)
    start = 0.0
    colors = ("#0b6e4f", "#5aa98b", "#2a7fb8", "#8fbcdb", "#d17a22", "#ecb985", "#777777", "#b5b5b5")
    for i, (name, seconds, _) in enumerate(command.stages):
        axes.barh(0, seconds, left=start, color=colors[i % len(colors)], edgecolor="white", linewidth=0.8)
        if seconds > SHOWN * total:
            text = f"{name}, {seconds:.2f} s"
            axes.text(start + seconds / 2, 0.46, text, rotation=25, ha="left", va="bottom", fontsize=7.5)
        start += seconds
    axes.set(xlim=(0, total), ylim=(-0.4, 2.6), xlabel=f"{command.label}, the whole command, cold: seconds")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
