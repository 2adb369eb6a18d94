"""Plots as inline SVG with the colors of the page's style sheet, light or dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ..results import UNTOUCHED, Evaluation, FloatArray
from ..tables import Summary

# Placeholder colors in the drawing, one for each color of the style sheet.
INK, LINE, METHOD = "#010101", "#020202", "#0300{:02x}"
COLORS = 10
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
POINTS = 2400  # number of points in all scatter plots together
CURVE = 300  # number of points of a curve


def plain_style(ink: str, line: str) -> dict[Any, Any]:
    """Return Matplotlib's settings for plain plots in these two colors."""
    return {
        "font.size": 9,
        "axes.edgecolor": line,
        "axes.labelcolor": ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": line,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
    }


STYLE = {
    **plain_style(INK, LINE),
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.grid": True,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


class Plot(NamedTuple):
    """A plot: its title, a description in words, and `<svg>` markup."""

    title: str
    description: str
    svg: str


def color_index(evaluation: Evaluation, method: str) -> int:
    """Return the index of a method's color in the style sheet."""
    return evaluation.methods.index(method) % COLORS


def gains(evaluation: Evaluation, method: str) -> FloatArray:
    """Return the decrease of each composite's fMSE by a method (N,); negative if it increased."""
    return evaluation.values[UNTOUCHED]["fmse"] - evaluation.values[method]["fmse"]


@rc_context(STYLE)
def gain_curves(evaluation: Evaluation) -> Plot:
    """Plot the cumulative distribution of the gain, a curve for each method."""
    figure, axes = _axes(4.7, 3.6)
    shares = np.linspace(0, 1, min(CURVE, len(evaluation.composites)) + 1)
    words = []
    for rank, method in enumerate(evaluation.others):
        values = gains(evaluation, method)
        (line,) = axes.plot(np.quantile(values, shares), shares, color=_color(evaluation, method))
        line.set(label=_short(method), linewidth=1.8, linestyle=DASHES[rank % len(DASHES)])
        words.append(f"{method}: median {np.median(values):.4g}")
    _gain_axis(axes, "x")
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(ylim=(0, 1), ylabel="share of composites")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
    figure.legend(loc="outside lower left", ncols=2, frameon=False, handlelength=2.6, fontsize=8)
    description = f"Drop in fMSE of each composite, by method. {'; '.join(words)}."
    return _plot(figure, "Gain of each method", description)


@rc_context(STYLE)
def worse_bars(evaluation: Evaluation, summary: Summary) -> Plot:
    """Plot the share of composites made worse, a bar with its interval for each method."""
    methods = evaluation.others
    figure, axes = _axes(4.7, 0.9 + 0.34 * len(methods))
    words = []
    for row, method in enumerate(methods):
        value, low, high = (100 * part for part in summary[method]["worse"])
        axes.barh(row, value, height=0.56, color=_color(evaluation, method))
        axes.plot([low, high], [row, row], color=INK, linewidth=1.4)
        label = f" {value:.1f} %"
        axes.text(np.nanmax([value, high]) + 1, row, label, va="center", fontsize=8)
        words.append(f"{method}:{label}")
    axes.set(xlim=(0, 100), xlabel="composites with a higher MSE than unchanged, %")
    axes.set_yticks(range(len(methods)), [_short(method) for method in methods])
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    return _plot(figure, "Composites made worse by each method", f"{'; '.join(words)}.")


@rc_context(STYLE)
def gain_by_foreground(evaluation: Evaluation) -> list[Plot]:
    """Plot the gain over the share of foreground, a scatter plot per method, all with the same scales."""
    methods = evaluation.others
    count = len(evaluation.composites)
    drawn = np.sort(np.random.default_rng(0).permutation(count)[: POINTS // max(len(methods), 1)])
    ratios = 100 * np.array([composite.foreground_ratio for composite in evaluation.composites])
    values = {method: gains(evaluation, method) for method in methods}
    limit = 1.2 * max((float(np.abs(gain).max()) for gain in values.values()), default=0)
    plots = []
    for method, gain in values.items():
        figure, axes = _axes(2.9, 2.5)
        (dots,) = axes.plot(ratios[drawn], gain[drawn], "o", color=_color(evaluation, method))
        dots.set(alpha=0.55, markeredgewidth=0, markersize=3.6)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xscale("log")
        axes.set(xlim=(max(ratios.min() / 1.2, 0.01), 100), xlabel="foreground, %")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        _gain_axis(axes, "y")
        axes.set_ylim(-max(limit, 10), max(limit, 10))
        description = f"Drop in fMSE over share of foreground, {len(drawn):,} of {count:,} composites."
        plots.append(_plot(figure, method, description))
    return plots


def _color(evaluation: Evaluation, method: str) -> str:
    return METHOD.format(color_index(evaluation, method))


def _short(name: str, limit: int = 26) -> str:
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Make an empty figure of a size in inches."""
    figure = Figure((width, height), facecolor="none", layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("none")
    return figure, axes


def _gain_axis(axes: Axes, side: str) -> None:
    """Make the axis linear within ±10, and logarithmic outside."""
    getattr(axes, f"set_{side}scale")("symlog", linthresh=10)
    getattr(axes, f"set_{side}label")("drop in fMSE")
    axis = getattr(axes, f"{side}axis")
    axis.set_major_formatter(FuncFormatter(lambda value, _: _compact(value)))
    axis.set_minor_locator(NullLocator())


def _compact(value: float) -> str:
    """Format a round number in few characters: 10, −100, 1k."""
    text = f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"
    return text.replace("-", "−")


def _plot(figure: Figure, title: str, description: str) -> Plot:
    """Return a figure's markup without size, fonts and ids, with named colors, a title and a description."""
    stream = io.StringIO()
    with rc_context({"svg.hashsalt": title}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser's fonts have it
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = re.sub(r"<(metadata|style).*?</\1>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"\s+", " ", re.sub(r'font-family: [^;]*; |(?<=<g) id="[^"]*"', "", svg))
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box
    opening = f'<svg {box[0]} role="img"><title>{escape(title)}</title><desc>{escape(description)}</desc>'
    return Plot(title, description, _named_colors(re.sub(r"<svg.*?>", lambda _: opening, svg, count=1)))


def _named_colors(svg: str) -> str:
    names: Sequence[tuple[str, str]] = (
        (INK, "currentColor"),
        (LINE, "var(--line)"),
        *((METHOD.format(i), f"var(--m{i})") for i in range(COLORS)),
    )
    for color, name in names:
        svg = svg.replace(color, name)
    return svg
