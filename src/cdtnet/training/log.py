"""The log of a run: CSV files, TensorBoard with pictures, and other loggers."""

import csv
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from ..composites.synthesis import Triplet

Listener = Callable[[int, dict[str, float]], None]
"""A function that is called with the number of samples and values by name."""


class Log:
    """Writes `log.csv`, `steps.csv` and TensorBoard event files in the run's folder.

    If the disk is full, lines of the log are lost, but the run continues.

    Args:
        folder: The folder of the run.
        listeners: Called with all values, such as loggers of other packages.
    """

    def __init__(self, folder: Path, listeners: Sequence[Listener] = ()):
        self.folder, self.listeners = folder, listeners
        self.board = SummaryWriter(str(folder))

    def scores(self, samples: int, values: dict[str, float]) -> None:
        """Log the scores of a validation."""
        self._note("log.csv", samples, values)

    def steps(self, samples: int, values: dict[str, float]) -> None:
        """Log values of the steps since the last call."""
        self._note("steps.csv", samples, {f"step {name}": value for name, value in values.items()})

    def _note(self, name: str, samples: int, values: dict[str, float]) -> None:
        """Append a line; the first line of a run determines the columns."""
        path = self.folder / name
        for listener in self.listeners:
            listener(samples, values)
        try:
            new = not path.exists()
            with path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                if new:
                    writer.writerow(["samples", *values])
                writer.writerow([samples, *(f"{value:.6g}" for value in values.values())])
            for column, value in values.items():
                self.board.add_scalar(column, value, samples)
        except OSError as error:
            tqdm.write(f"The log {path} cannot be written ({error.strerror}); training continues.")

    def pictures(self, samples: int, painted: dict[str, Tensor], triplet: Triplet) -> None:
        """Log strips of composite, result, real photo and mask."""
        columns = (triplet.composite, *painted.values(), triplet.real, triplet.mask.expand(-1, 3, -1, -1))
        strips = torch.cat([column[:8].float() for column in columns], dim=3)
        sheet = torch.cat(list(F.pad(strips, (0, 0, 0, 2))), dim=1)
        try:
            self.board.add_image(", ".join(["composite", *painted, "real", "mask"]), sheet, samples)
            self.board.flush()
        except OSError as error:
            tqdm.write(f"Pictures cannot be logged ({error.strerror}); training continues.")


@contextmanager
def hushed_writer() -> Iterator[None]:
    """Let TensorBoard's thread end without a traceback if it cannot write; `Log` reports the error."""
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        ours = type(arguments.thread).__module__.startswith("tensorboard.")
        if not (ours and issubclass(arguments.exc_type, OSError)):
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
