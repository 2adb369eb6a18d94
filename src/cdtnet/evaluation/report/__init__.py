"""The report: a self-contained HTML file that shows an evaluation in any browser."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..._version import __version__
from ...system.atomic import write_file
from ..results import UNTOUCHED, Evaluation, Example
from ..statistics import summarize
from ..tables import number
from . import gallery, plots, tables

FOLDER = Path(__file__).parent
PICTURE_BYTES = 16 * 2**20
"""Limit of all pictures of a page together, as text; a page without pictures is below 1 MB."""


def write_report(evaluation: Evaluation, pictures: Sequence[Example], path: str | PathLike[str]) -> None:
    """Write an evaluation as one self-contained HTML file.

    Args:
        evaluation: The evaluation; its first method after "composite" is the one whose failures are listed.
        pictures: Examples for the gallery, in this order; may be empty.
        path: The HTML file.

    Raises:
        WriteError: The file cannot be written.
    """
    write_file(path, render(evaluation, pictures).encode())


def render(evaluation: Evaluation, pictures: Sequence[Example], limit: int = PICTURE_BYTES) -> str:
    """Return the text of the page; the arguments are those of `write_report`."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    whole = summarize(evaluation)
    others = evaluation.others
    shown = gallery.embed(pictures, evaluation.methods, limit) if pictures else []
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        evaluation=evaluation,
        untouched=UNTOUCHED,
        first=others[0] if others else None,
        whole=whole,
        number=number,
        panels=tables.panels(evaluation, whole),
        failures=tables.failures(evaluation, others[0]) if others else None,
        costs=tables.costs(evaluation),
        scores=tables.scores,
        plots=[plots.gain_curves(evaluation), plots.worse_bars(evaluation, whole)] if others else [],
        scatters=plots.gain_by_foreground(evaluation),
        pictures=shown,
        gallery=gallery,
        style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        version=__version__,
    )
