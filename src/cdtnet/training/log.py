"""A run's diary: one CSV, and TensorBoard with pictures."""

import csv
from pathlib import Path

import torch
import torch.nn.functional as F

from ..data.synthesis import Triplet
from ..errors import CdtnetError
from ..model import CDTNet
from .validation import predict


class Log:
    """Appends to `log.csv` and to TensorBoard event files in the run's folder."""

    def __init__(self, folder: Path):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise CdtnetError("Training needs TensorBoard: pip install 'cdtnet[train]'.") from error
        self.path = folder / "log.csv"
        self.board = SummaryWriter(str(folder))

    def scores(self, samples: int, values: dict[str, float]) -> None:
        """Note numbers after so many samples; the first call decides the CSV's columns."""
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["samples", *values])
            writer.writerow([samples, *(f"{value:.6g}" for value in values.values())])
        for name, value in values.items():
            self.board.add_scalar(name, value, samples)

    def pictures(self, samples: int, model: CDTNet, triplet: Triplet, base_size: int) -> None:
        """Strips of composite, prediction, real photo and mask."""
        part = Triplet(*(tensor[:8].float() for tensor in triplet))
        with torch.no_grad():
            harmonized = predict(model, part, base_size).composite
        strips = torch.cat((part.composite, harmonized, part.real, part.mask.expand(-1, 3, -1, -1)), dim=3)
        sheet = torch.cat(list(F.pad(strips, (0, 0, 0, 2))), dim=1)
        self.board.add_image("composite, harmonized, real, mask", sheet, samples)
        self.board.flush()
