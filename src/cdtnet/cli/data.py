"""`cdtnet data`: check a data set before training or evaluation."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from ..system.progress import bar

if TYPE_CHECKING:
    from ..datasets.check import Reading, Report

_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's action and its arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="count usable composites, and name missing or damaged files")
    check.add_argument("root", metavar="ROOT", type=Path, help="folder, zip, tar, or manifest (.csv, .jsonl)")
    check.add_argument(
        "--layout",
        default="auto",
        help="auto, iharmony4, ccharmony, realhm, pairs or manifest (default: %(default)s)",
    )
    check.add_argument("--subsets", metavar="NAME", nargs="+", help="sub-sets to check (default: all)")
    check.add_argument("--fast", action="store_true", help="check that the files exist, but open none")
    check.add_argument("--json", action="store_true", help="print the whole report as JSON")
    check.set_defaults(action=_check)


def run(arguments: argparse.Namespace) -> None:
    """Run the action."""
    arguments.action(arguments)


def _check(arguments: argparse.Namespace) -> None:
    """Print the report; raise an error if something is missing or damaged."""
    from ..datasets.check import check_dataset

    report = check_dataset(
        arguments.root,
        layout=arguments.layout,
        subsets=arguments.subsets,
        fast=arguments.fast,
        watch=_progress,
    )
    print(json.dumps(asdict(report), indent=2, ensure_ascii=False) if arguments.json else describe(report))
    unusable = [f"{len(report.missing):,} missing"] if report.missing else []
    unusable += [f"{len(report.damaged):,} unreadable"] if report.damaged else []
    if unusable:
        raise DataError(f"Not everything can be used: {' and '.join(unusable)}.")


def _progress(readings: Iterator[Reading], total: int) -> Iterable[Reading]:
    return bar(readings, description="reading", unit="composites", total=total)


def describe(report: Report) -> str:
    """Format a report for one screen."""
    parts = [f"{report.root}, layout {report.layout}", _table(report)]
    if report.megapixels and report.foreground:
        smallest, median, largest = report.megapixels
        labels = ("0–5 %", "5–15 %", "15–100 %")
        bars = [f"{'█' * round(share * 32):32} {share:4.0%}" for share in report.foreground]
        lines = [f"size        {smallest:.3g} to {largest:.3g} megapixels, median {median:.3g}"]
        lines += [
            f"{'' if i else 'foreground':11} {label:9} {bar}"
            for i, (label, bar) in enumerate(zip(labels, bars, strict=True))
        ]
        parts.append("\n".join(lines))
    if report.without_real:
        parts.append(f"without ground truth: {report.without_real:,}")
    parts.append("\n".join(report.notes))
    parts.append(_listed("missing", report.missing))
    parts.append(_listed("unreadable", report.damaged))
    parts.append(_listed("doubtful masks", report.doubtful))
    return "\n\n".join(part for part in parts if part)


def _table(report: Report) -> str:
    """Format the numbers of usable composites, a row per sub-set and a column per split."""
    splits = sorted(
        {count.split for count in report.counts}, key=lambda name: (not name, name != "train", name)
    )
    subsets = list(dict.fromkeys(count.subset for count in report.counts))
    rows = [["", *(split or "no split" for split in splits), "unusable"]]
    for subset in subsets if len(subsets) < 2 else [*subsets, None]:
        own = [count for count in report.counts if subset in (None, count.subset)]
        cells = [sum(count.usable for count in own if count.split == split) for split in splits]
        cells.append(sum(count.unusable for count in own))
        rows.append(["all" if subset is None else subset or "composites", *(f"{cell:,}" for cell in cells)])
    first = max(len(row[0]) for row in rows)
    return "\n".join(f"{row[0]:{first}}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in rows)


def _listed(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    more = len(sentences) - _SHOWN
    lines = [*sentences[:_SHOWN], f"… and {more:,} more (--json lists all)"] if more > 1 else sentences
    return "\n  ".join([f"{title} ({len(sentences):,}):", *lines])
