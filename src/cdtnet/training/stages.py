"""What is trained, on what, for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Literal

from ..model import Config

# Sources that the shipped weights have never seen.
HELD_OUT = ("weizmann_horses", "camvid", "kodak24", "urban100")


@dataclass(frozen=True)
class Stage:
    """One stretch of training at one size.

    Attributes:
        part: "generator" trains the generator alone; "mapping" trains colour mapping and refinement over a
            generator that is left as it is; "encoder and mapping" trains what CDTNet-sim consists of.
        size: side of the square pictures, in pixels.
        base_size: side at which they are analysed.
        window: side of the part of each picture that is rendered and scored; the whole picture if equal to
            `size`.
        batch: pictures per step.
        samples: pictures in all.
        rate: Adam's peak learning rate, held for two fifths of the stage, then lowered along a cosine.
    """

    part: Literal["generator", "mapping", "encoder and mapping"]
    size: int
    base_size: int
    window: int
    batch: int
    samples: int
    rate: float

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return max(self.samples // self.batch, 1)

    @property
    def averaging(self) -> float:
        """Decay of the moving average of weights, which reaches back over a tenth of the stage."""
        return max(1 - 10 / self.steps, 0.0)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step: 100 steps of warm-up, a plateau, a cosine down to 1 %."""
        progress = max(step / self.steps - 0.4, 0.0) / 0.6
        return self.rate * min((step + 1) / 100, 1.0) * (0.01 + 0.99 * (1 + cos(pi * progress)) / 2)


@dataclass(frozen=True)
class Plan:
    """A network and the stages that train it."""

    config: Config
    stages: Sequence[Stage]


def _generator(size: int, batch: int, samples: int, rate: float) -> Stage:
    return Stage("generator", size, size, size, batch, samples, rate)


# Low resolution first: a sample at 64 costs a sixteenth of one at 256, and what it teaches carries over.
GENERATOR = (
    _generator(64, 32, 150_000, 2e-3),
    _generator(128, 16, 16_000, 1e-3),
    _generator(256, 8, 1_400, 4e-4),
)
# Pictures four times as large as what is analysed teach the refinement not to trust upsampled colours.
MAPPING = (Stage("mapping", 512, 128, 192, 16, 6_000, 2e-3),)
SIM = tuple(
    Stage("encoder and mapping", size, size, size, batch, samples, rate)
    for size, batch, samples, rate in ((64, 32, 48_000, 1e-3), (128, 16, 12_000, 5e-4), (256, 8, 1_200, 2e-4))
)

PLANS: Mapping[str, Plan] = {
    "is2am": Plan(Config("is2am", antialias=True), GENERATOR),
    "cdtnet-sim": Plan(Config("cdtnet-sim", antialias=True), SIM),
    "cdtnet-256": Plan(Config("cdtnet", antialias=True), GENERATOR + MAPPING),
}
