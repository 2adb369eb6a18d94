"""Published figures, each with its convention and source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .results import Evaluation

Size = int | Literal["full"]

OFFICIAL = (
    "whole frame, PSNR's peak the target's maximum, SSIM with a 7×7 window and the prediction's own range"
)
INSIDE = "only errors inside the mask count, PSNR's peak the target's maximum"
PCT_NET = "only errors inside the mask count, PSNR's peak 255"
IHARMONY4 = "bicubic resizing, PSNR's peak the prediction's own range"

CONVENTIONS = {OFFICIAL: "official", INSIDE: "HINet", PCT_NET: "PCT-Net", IHARMONY4: "iHarmony4"}
"""A short name of each convention of published figures."""

COMPOSITES = {"": 7404, "hcoco": 4283, "hadobe5k": 2160, "hflickr": 828, "hday2night": 133}
"""The number of composites in each sub-set of iHarmony4's test split, and in all of them ("")."""

CDTNET_AUTHORS = "CDTNet's authors"
HINET_AUTHORS = "HINet's authors"
PCT_NET_AUTHORS = "PCT-Net's authors"


@dataclass(frozen=True)
class Published:
    """A published row, on iHarmony4's test split.

    Attributes:
        method: The name of the method as published.
        subset: One of the four sub-sets, or "" for all.
        size: The side of the square pictures, or "full".
        convention: How it was computed, in words; one of `CONVENTIONS`.
        measured_by: Who measured it.
        scores: By name: "mse", "psnr" (dB, see the convention), "fmse", "ssim", and "worse" (0..1).
    """

    method: str
    subset: str
    size: Size
    convention: str
    measured_by: str
    scores: dict[str, float]


def compared(subset: str, count: int) -> str:
    """Describe the number of scored composites of a sub-set, and the number in the published figures."""
    expected = COMPOSITES[subset.lower()]
    return f"{count:,}" if count == expected else f"{count:,} of {expected:,}"


def matching(evaluation: Evaluation, subset: str) -> list[Published]:
    """Return the published rows for an evaluation's sub-set ("" for all four)."""
    if evaluation.layout != "iharmony4" or evaluation.split != "test":
        return []
    return [row for row in PUBLISHED if row.size == evaluation.size and row.subset.lower() == subset.lower()]


def _row(
    method: str, subset: str, size: Size, convention: str, measured_by: str, *scores: float | None
) -> Published:
    names = ("mse", "psnr", "fmse", "ssim", "worse")
    return Published(
        method,
        subset,
        size,
        convention,
        measured_by,
        {name: score for name, score in zip(names, scores, strict=False) if score is not None},
    )


def _at_256(method: str, convention: str, measured_by: str, *pairs: tuple[float, ...]) -> list[Published]:
    """Make the rows of a method in the iHarmony4 table: scores on the four sub-sets and on all."""
    subsets = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night", "")
    return [
        _row(method, subset, 256, convention, measured_by, *scores)
        for subset, scores in zip(subsets, pairs, strict=True)
    ]


PUBLISHED: tuple[Published, ...] = (
    *_at_256(
        "composite",
        IHARMONY4,
        "iHarmony4's authors",
        (69.37, 33.94),
        (345.54, 28.16),
        (264.35, 28.32),
        (109.65, 34.01),
        (172.47, 31.63),
    ),
    *_at_256(
        "iS2AM, released weights",
        OFFICIAL,
        CDTNET_AUTHORS,
        (16.48, 39.16),
        (22.60, 37.24),
        (69.67, 33.56),
        (40.59, 37.72),
        (24.65, 37.95),
    ),
    *_at_256(
        "CDTNet-256",
        OFFICIAL,
        CDTNET_AUTHORS,
        (16.25, 39.15),
        (20.62, 38.24),
        (68.61, 33.55),
        (36.72, 37.95),
        (23.75, 38.23, 252.05),
    ),
    _row("CDTNet-256", "HAdobe5k", 1024, OFFICIAL, CDTNET_AUTHORS, 21.24, 38.77, 152.13, 0.9868),
    _row("CDTNet-256, after LUT only", "HAdobe5k", 1024, OFFICIAL, CDTNET_AUTHORS, None, 37.65),
    _row("DucoNet", "HAdobe5k", 1024, OFFICIAL, "DucoNet's authors", 10.94, 41.37, 80.69),
    _row("CDTNet-256", "HAdobe5k", 2048, INSIDE, HINET_AUTHORS, 29.02, 37.66, 198.85, 0.9845),
    _row("CDTNet-512", "HAdobe5k", 2048, OFFICIAL, CDTNET_AUTHORS, 23.35, 38.45, 159.13, 0.9853),
    _row(
        "CDTNet-512, released weights",
        "HAdobe5k",
        2048,
        OFFICIAL,
        "not stated",
        20.82,
        38.34,
        155.24,
        0.9847,
    ),
    _row("composite", "HAdobe5k", "full", PCT_NET, PCT_NET_AUTHORS, 354.46, 28.16, 2148, 0.9647),
    _row("Harmonizer", "HAdobe5k", "full", PCT_NET, PCT_NET_AUTHORS, 24.36, 37.80, 196),
    _row("DCCF", "HAdobe5k", "full", PCT_NET, PCT_NET_AUTHORS, 23.12, 38.31, 195.5),
    _row("PCT-Net CNN", "HAdobe5k", "full", PCT_NET, PCT_NET_AUTHORS, 21.01, 39.10, 168.2),
    _row("PCT-Net ViT", "HAdobe5k", "full", PCT_NET, PCT_NET_AUTHORS, 19.35, 39.97, 149.4),
    *(
        _row(method, "", "full", PCT_NET, "counted in PCT-Net's scores of each picture", *[None] * 4, worse)
        for method, worse in (
            ("Harmonizer", 0.0856),
            ("DCCF", 0.0624),
            ("PCT-Net CNN", 0.0517),
            ("PCT-Net ViT", 0.0412),
        )
    ),
)
