"""The steps for one picture, the same in a thread and on a node of a cluster.

A step that fails stores its reason in the record, and later steps do nothing.
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
    from ..inference.picture_analysis import Progress

LEAST = 1.0  # levels of 255; smaller changes count as nearly unchanged
STRIP = 256  # rows processed at a time


@dataclass(frozen=True, kw_only=True)
class BatchOptions(Options):
    """The options that determine the content of the results.

    Attributes:
        model: The name of a shipped model, or a file of weights.
        suffix: The suffix of all results, such as ".png"; None for that of their composite.
        record: Whether to store in the XMP of results how they were made.
        runtime: Engine, device and precision, as for `Harmonizer`.
    """

    model: str = "cdtnet-256"
    suffix: str | None = None
    record: bool = False
    runtime: Runtime = field(default_factory=Runtime)

    def describe(self) -> dict[str, Any]:
        """Return the settings that must stay the same when a batch resumes, for a JSON file."""
        path = Path(self.model)
        weights = file_sha256(path) if path.is_file() else f"cdtnet {__version__}"
        options: dict[str, Any] = json.loads(json.dumps(self.flat()))  # as stored in JSON
        runtime = {name: value for name, value in options.pop("runtime").items() if name != "device"}
        return {"model": self.model, **options, **runtime, "weights": weights}


@dataclass
class BatchRecord:
    """A line of the results.

    Attributes:
        input: The file of the composite.
        mask: The file of the mask.
        output: The path of the result in the destination.
        status: "done", "failed", or "skipped" for files that are not pictures of the batch.
        reason: Why it failed or was skipped, what is unusual about it, or why little is changed; or "".
        seconds: The elapsed time of its steps.
        pixels: Width times height.
        foreground: The mean of the mask, 0..1.
        change: The mean change of the foreground's colors in levels of 255.
        outcome: If done: "changed", "nearly unchanged", or "suspicious mask", which the reason explains.
        inputs: The stamp of the composite's and the mask's files.
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
    """A job in progress: its record, and its pictures once they are loaded.

    Attributes:
        job: The job.
        record: Its record.
        files: The bytes of the composite's and the mask's files.
        picture: The composite, then the result.
        mask: (H, W), the foreground.
        note: The entries on the files in the result's provenance record, or False for none.
    """

    job: BatchJob
    record: BatchRecord
    files: tuple[bytes, bytes] | None = None
    picture: Picture | None = None
    mask: NDArray[Any] | None = None
    note: bool | dict[str, Any] = False


class StoppedError(Exception):
    """The run is stopping; this picture is left for the next run."""


def attempt(step: Callable[[Work], None], work: Work) -> Work:
    """Run a step; if it fails, store the reason in the record and drop the pictures.

    Raises:
        StoppedError: The step was cancelled.
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
        record.reason = f"Unexpected error: {type(error).__name__}: {error}"
    else:
        record.seconds = round(record.seconds + time.perf_counter() - begun, 3)
        return work
    return Work(work.job, replace(record, status="failed"))


def begin(job: BatchJob, inputs: str) -> Work:
    """Return new work for files whose stamp is `inputs`."""
    return Work(job, BatchRecord(str(job.composite), str(job.mask), job.output, inputs=inputs))


def fetch(work: Work) -> None:
    """Read the files."""
    work.files = work.job.composite.read(), work.job.mask.read()


def decode(options: BatchOptions, work: Work) -> None:
    """Decode the files."""
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
    """Harmonize the picture."""
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
    """Return the mean change of colors (H, W, C) in a foreground (H, W), in levels of 255."""
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
    """Estimate the memory of a picture in bytes: decoded, result, and encoded result."""
    if not work.files:
        return 0
    composite, mask = work.files
    return COPIES * decoded_bytes(composite) + decoded_bytes(mask) + len(composite) + len(mask)
