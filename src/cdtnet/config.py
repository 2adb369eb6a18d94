"""What tells one CDTNet from another, and the sizes that are the same for all."""

from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

Variant = Literal["cdtnet", "cdtnet-sim", "is2am"]
Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

STRIDE = 8  # pixels of the generator's input to one of its bottleneck
LARGEST_BASE = 1024  # pixels of a base side: beyond, analysing would take more memory than the picture
MOST_LUTS = 256
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of the colours that generator and refinement work with
IMAGENET_STD = (0.229, 0.224, 0.225)
NEGLIGIBLE = 3 / 255  # coverage up to which a mask counts as black, where `Config.close_up`
HALO = 2  # pixels that the refinement's two 3×3 convolutions look beyond their own position


class Runtime(TypedDict, total=False):
    """What to compute with; the same for all pictures. See `Harmonizer`."""

    device: str
    engine: str
    precision: str


@dataclass(frozen=True)
class Config:
    """What tells one CDTNet from another.

    Attributes:
        variant: "cdtnet" is the whole method, "cdtnet-sim" the colour mapping alone, "is2am" the generator
            alone, upsampled.
        base_size: side of the square that is analysed, in pixels; a multiple of 8, up to 1024.
        luts: number of basis LUTs, up to 256.
        split: whether the LUTs' weights are predicted from foreground and background apart.
        antialias: whether a picture is low-pass filtered when it is brought to base size. The published
            weights were trained without.
        residual: whether the refinement is given most of what the generator's picture differs by from the
            colour mapping's at base size, instead of that picture, so that upsampling blurs a correction and
            not a picture. The published weights were trained without; of no effect on other variants.
        second_look: whether engines analyse a picture twice, as it is and mirrored, go by the mean, and hold
            back the change as far as both looks disagree (`engines/confidence.py`). The module `CDTNet` looks
            once.
        close_up: whether engines analyse the foreground and its surroundings (`inference/crop.py`), not the
            whole picture, where that is larger than the base. The module `CDTNet` sees all that it is given.
    """

    variant: Variant = "cdtnet"
    base_size: int = 256
    luts: int = 4
    split: bool = True
    antialias: bool = False
    residual: bool = False
    second_look: bool = False
    close_up: bool = False

    def __post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise ValueError(f"variant must be one of {', '.join(get_args(Variant))}, not {self.variant!r}")
        if not (_whole(self.base_size, STRIDE, LARGEST_BASE) and self.base_size % STRIDE == 0):
            raise ValueError(f"base_size is a multiple of 8 from 8 to {LARGEST_BASE}, not {self.base_size!r}")
        if not _whole(self.luts, 1, MOST_LUTS):
            raise ValueError(f"luts must be a whole number from 1 to {MOST_LUTS}, not {self.luts!r}")
        switches = self.split, self.antialias, self.residual, self.second_look, self.close_up
        if not all(isinstance(switch, bool) for switch in switches):
            raise ValueError("split, antialias, residual, second_look and close_up must be true or false")


def _whole(number: object, least: int, most: int) -> bool:
    """Whether something, such as what a file says, is a whole number in this range."""
    return type(number) is int and least <= number <= most
