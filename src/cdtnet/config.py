"""What tells one CDTNet from another, and the sizes that are the same for all."""

from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

Variant = Literal["cdtnet", "cdtnet-sim", "is2am"]
Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

STRIDE = 8  # pixels of the generator's input to one of its bottleneck
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
        base_size: side of the square that is analysed, in pixels; a multiple of 8.
        luts: number of basis LUTs.
        split: whether the LUTs' weights are predicted from foreground and background apart.
        antialias: whether a picture is low-pass filtered when it is brought to base size. The published
            weights were trained without.
    """

    variant: Variant = "cdtnet"
    base_size: int = 256
    luts: int = 4
    split: bool = True
    antialias: bool = False

    def __post_init__(self) -> None:
        if self.base_size < STRIDE or self.base_size % STRIDE:
            raise ValueError(f"base_size must be a multiple of 8 and at least 8, not {self.base_size}")
        if self.luts < 1:
            raise ValueError(f"luts must be at least 1, not {self.luts}")
