"""The steps for one picture: the same in a thread and on any node of a cluster.

A step that fails leaves its reason in the record, and the steps after it do nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..config import Runtime
from ..datasets.samples import decode_entry
from ..errors import CdtnetError
from ..imaging import Picture, encode_picture
from ..imaging.depth import full_scale
from ..imaging.edges import invert_mask
from ..imaging.masks import coverage, describe, describe_inverted
from ..imaging.read import COPIES, decoded_bytes
from ..imaging.write import lost_depth
from ..inference.options import Options
from ..inference.pipeline import harmonize_picture, mask_for
from ..inference.provenance import file_sha256, identity
from .jobs import BatchJob
from .stores import Store

if TYPE_CHECKING:
    from ..inference.harmonizer import Harmonizer
    from ..inference.rendering import Progress

LEAST = 1.0  # level of 255; what is moved by less is nearly unchanged
STRIP = 256  # rows looked at together


@dataclass(frozen=True, kw_only=True)
class BatchOptions(Options):
    """The options that determine the content of the results.

    Attributes:
        model: A shipped name or a file of weights.
        suffix: Of all results, such as ".png"; None for that of each composite.
        record: Whether the XMP of each result contains how it was made.
        runtime: What to compute with, as for `Harmonizer`.
    """

    model: str = "cdtnet-256"
    suffix: str | None = None
    record: bool = False
    runtime: Runtime = field(default_factory=Runtime)

    def describe(self) -> dict[str, Any]:
        """Return the settings that must stay the same when a batch resumes, for a JSON file."""
        path = Path(self.model)
        weights = file_sha256(path) if path.is_file() else f"cdtnet {__version__}"
        options: dict[str, Any] = json.loads(json.dumps(self.flat()))  # as JSON stores it
        runtime = {name: value for name, value in options.pop("runtime").items() if name != "device"}
        return {"model": self.model, **options, **runtime, "weights": weights}


@dataclass
class BatchRecord:
    """A line of the results.

    Attributes:
        input: The composite's file.
        mask: The mask's file.
        output: The result's path in the batch's folder.
        status: "done", "failed", or "skipped" for what is no picture of the batch.
        reason: Why it failed or was skipped, what is odd about it, or why little is changed; "" otherwise.
        seconds: Time that its steps took.
        pixels: Width times height.
        foreground: The mask's mean, 0..1.
        change: Of the foreground's colors, on average, in levels of 255.
        outcome: Of what is done: "changed", "nearly unchanged", or "suspicious mask" where its reason says
            what is odd about it.
        inputs: What changes when the composite or the mask does.
    """

    input: str
    mask: str
    output: str
    status: Literal["done", "failed", "skipped"] = "done"
    reason: str = ""
    seconds: float = 0.0
    pixels: int = 0
    foreground: float = 0.0
    change: float = 0.0
    outcome: Literal["", "changed", "nearly unchanged", "suspicious mask"] = ""
    inputs: str = ""


@dataclass
class Work:
    """A job in progress: its record, and its pictures as far as they are loaded.

    Attributes:
        job: What is to be done.
        record: What is known of it.
        files: The bytes of the composite's and the mask's files.
        picture: The composite, then the result.
        mask: (H, W) the foreground.
        note: What the result's own record says of the files, or False for none.
    """

    job: BatchJob
    record: BatchRecord
    files: tuple[bytes, bytes] | None = None
    picture: Picture | None = None
    mask: NDArray[Any] | None = None
    note: bool | dict[str, Any] = False


class StoppedError(Exception):
    """The run is stopping, and this picture is left for the next run."""


def attempt(step: Callable[[Work], None], work: Work) -> Work:
    """Take a step; if it fails, the record says why and the pictures are dropped.

    Raises:
        StoppedError: The step was broken off.
    """
    record, begun = work.record, time.perf_counter()
    if record.status == "failed":
        return work
    try:
        step(work)
    except StoppedError:
        raise
    except CdtnetError as error:
        record.reason = str(error)
    except MemoryError:
        record.reason = "There is not enough memory for this picture."
    except Exception as error:  # a failing picture must not stop the others
        record.reason = f"Unexpectedly, {type(error).__name__}: {error}"
    else:
        record.seconds = round(record.seconds + time.perf_counter() - begun, 3)
        return work
    return Work(work.job, replace(record, status="failed"))


def begin(job: BatchJob, inputs: str) -> Work:
    """Return work that is still to be done, on files whose stamp is `inputs`."""
    return Work(job, BatchRecord(str(job.composite), str(job.mask), job.output, inputs=inputs))


def fetch(work: Work) -> None:
    """Read the files."""
    work.files = work.job.composite.read(), work.job.mask.read()


def decode(options: BatchOptions, work: Work) -> None:
    """Make pictures of the files."""
    assert work.files
    composite, mask = work.files
    work.files = None
    if options.record:
        files = {"composite": identity(composite), "mask": identity(mask)}
        chosen = {"label": list(options.labels), "color_space": options.color_space}
        chosen = {name: value for name, value in chosen.items() if value}
        if options.profile:
            files["profile"] = identity(options.profile)
        work.note = {"resize_mask": options.resize_mask, "quality": options.quality, **chosen, **files}
    picture = decode_entry(
        work.job.composite, composite, color_space=options.color_space, profile=options.profile
    )
    work.mask = mask_for(picture, decode_entry(work.job.mask, mask), options)
    work.picture = picture
    work.record.pixels = picture.height * picture.width
    work.record.foreground = round(float(work.mask.mean()) / full_scale(work.mask.dtype), 4)


def render(options: BatchOptions, harmonizer: Harmonizer, progress: Progress | None, work: Work) -> None:
    """Harmonize."""
    assert work.picture
    assert work.mask is not None
    result = harmonize_picture(
        harmonizer, work.picture, work.mask, options, record=work.note, progress=progress
    )
    mask = invert_mask(work.mask) if options.invert_mask else work.mask
    change = mean_change(work.picture.pixels, result.image.pixels, mask)
    work.record.reason = result.remark or ""
    work.record.change = round(change, 2)
    odd = describe(mask) or describe_inverted(mask)
    work.record.outcome = "suspicious mask" if odd else "changed" if change >= LEAST else "nearly unchanged"
    work.picture = result.image
    work.mask = None


def mean_change(before: NDArray[Any], after: NDArray[Any], mask: NDArray[Any]) -> float:
    """How far colors (H, W, C) of a foreground (H, W) were moved, on average, in levels of 255."""
    total = weight = 0.0
    for top in range(0, len(mask), STRIP):
        strip = slice(top, top + STRIP)
        soft = coverage(mask[strip])
        moved = np.abs(coverage(after[strip]) - coverage(before[strip])).mean(axis=2)
        total += float((soft * moved).sum(dtype=np.float64))
        weight += float(soft.sum(dtype=np.float64))
    return 255 * total / weight if weight else 0.0


def save(options: BatchOptions, store: Store, work: Work) -> None:
    """Encode and write the result."""
    assert work.picture
    suffix = PurePosixPath(work.job.output).suffix
    work.record.reason = " ".join(filter(None, (work.record.reason, lost_depth(work.picture, suffix))))
    store.write(work.job.output, encode_picture(work.picture, suffix, quality=options.quality))
    work.picture = None


def memory(work: Work) -> int:
    """Estimate a picture's memory in bytes: decoded, result, and encoded result."""
    if not work.files:
        return 0
    composite, mask = work.files
    return COPIES * decoded_bytes(composite) + decoded_bytes(mask) + len(composite) + len(mask)
