"""The results of an evaluation, with conversion to and from JSON, and to CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

FloatArray = NDArray[np.float64]

UNTOUCHED = "composite"
"""The method that changes nothing; every evaluation includes it as the reference for the others."""


@dataclass(frozen=True)
class Composite:
    """A picture of the data set.

    Attributes:
        name: The path of the composite relative to the data set's root.
        subset: "HCOCO", "HAdobe5k", …; "" if the data set has no sub-sets.
        foreground_ratio: The share of foreground in the picture, 0..1, at the size of the evaluation.
    """

    name: str
    subset: str
    foreground_ratio: float


@dataclass(frozen=True)
class Example:
    """A composite of the report, with the results of all methods.

    Attributes:
        index: Its index in the evaluation's composites.
        kind: Its rank among all composites, by the decrease in fMSE of the first method after "composite".
        composite: (H,W,3) uint8, at the size of the evaluation, or reduced to a longer side of 1024.
        mask: (H,W) uint8, 255 = foreground.
        real: (H,W,3) uint8.
        outputs: method → (H,W,3) uint8, without "composite".
    """

    index: int
    kind: Literal["best", "median", "worst"]
    composite: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    real: NDArray[np.uint8]
    outputs: Mapping[str, NDArray[np.uint8]]


@dataclass(frozen=True)
class Cost:
    """The cost of a method for one picture, measured in a separate process.

    Attributes:
        method: The name in the table.
        height: The height of the picture in pixels.
        width: The width of the picture in pixels.
        foreground_ratio: The share of foreground in the picture, 0..1.
        seconds: The wall time for a picture, with the model loaded and warm; None if memory was insufficient.
        memory: The peak resident bytes without libraries, weights, picture and mask; None if insufficient.
        flops: The number of floating-point operations, with multiplications and additions counted separately;
            None if the method is not a network.
        parameters: The number of weights; None if the method is not a network.
    """

    method: str
    height: int
    width: int
    foreground_ratio: float
    seconds: float | None
    memory: int | None
    flops: int | None
    parameters: int | None


@dataclass(frozen=True)
class Evaluation:
    """The scores of several methods on the same composites.

    Attributes:
        dataset: The name of the data set's folder.
        layout: Its layout, "iharmony4", "pairs", ….
        split: "train", "test" or "" (all).
        size: The side of the squares to which pictures were resized, or "full" (native resolution).
        whole_frame: Whether the network's whole frame was scored as published, not composited with the mask.
        composites: The N pictures that were scored, in the data set's order.
        values: method → metric → its N values, in the order of `composites`. Methods are in the table's
            order and include "composite"; metrics are the keys of `cdtnet.evaluation.metrics.METRICS`.
            PSNR values may be infinite.
        skipped: A sentence for each sample that could not be read.
        costs: The costs of methods, if they were measured.
        date: The ISO date of the run.
        hardware: The hardware, threads and versions, for a caption.
        command: The command line that repeats it.
        sha256: method → SHA-256 of its weights file, and "data" → that of the files of the scored composites,
            including masks and real images.
    """

    dataset: str
    layout: str
    split: str
    size: int | Literal["full"]
    whole_frame: bool
    composites: tuple[Composite, ...]
    values: Mapping[str, Mapping[str, FloatArray]]
    skipped: tuple[str, ...] = ()
    costs: tuple[Cost, ...] = ()
    date: str = ""
    hardware: str = ""
    command: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods, in the table's order."""
        return tuple(self.values)

    @property
    def others(self) -> tuple[str, ...]:
        """The methods that change something."""
        return tuple(method for method in self.values if method != UNTOUCHED)

    def to_json(self) -> str:
        """Return everything as standard JSON; infinite values become the strings "inf" and "-inf"."""
        plain = {**vars(self), "composites": [asdict(c) for c in self.composites]}
        plain["costs"] = [asdict(cost) for cost in self.costs]
        plain["values"] = {
            method: {metric: [_plain(value) for value in values.tolist()] for metric, values in table.items()}
            for method, table in self.values.items()
        }
        return json.dumps(plain, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Evaluation:
        """Read the output of `to_json`.

        Raises:
            DataError: The text is not an evaluation.
        """
        try:
            plain = json.loads(text)
            plain["composites"] = tuple(Composite(**composite) for composite in plain["composites"])
            plain["costs"] = tuple(Cost(**cost) for cost in plain["costs"])
            plain["skipped"] = tuple(plain["skipped"])
            plain["values"] = {
                method: {metric: np.array(values, dtype=np.float64) for metric, values in table.items()}
                for method, table in plain["values"].items()
            }
            return cls(**plain)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                "This is not the JSON of an evaluation; give a file that `cdtnet evaluate` wrote."
            ) from error

    def to_csv(self) -> str:
        """Return a line per composite and method: name, subset, foreground ratio, method, every metric."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        metrics = list(self.values[UNTOUCHED])
        writer.writerow(["name", "subset", "foreground_ratio", "method", *metrics])
        for index, composite in enumerate(self.composites):
            for method, table in self.values.items():
                scores = [repr(float(table[metric][index])) for metric in metrics]
                head = (composite.name, composite.subset, composite.foreground_ratio, method)
                writer.writerow([*head, *scores])
        return stream.getvalue()


def _plain(value: float) -> Any:
    return value if np.isfinite(value) else str(value)
