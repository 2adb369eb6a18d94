"""The configuration of a CDTNet, and constants of the architecture."""

from dataclasses import dataclass
from typing import Literal, TypedDict, get_args

Variant = Literal["cdtnet", "cdtnet-sim", "is2am"]
Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

STRIDE = 8  # pixels of the generator's input per pixel of its bottleneck
LARGEST_BASE = 1024  # largest base size: beyond, the analysis would take more memory than the picture
MOST_LUTS = 256
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # normalization of the inputs of generator and refinement
IMAGENET_STD = (0.229, 0.224, 0.225)
NEGLIGIBLE = 3 / 255  # coverage up to which a mask counts as black, with `Config.close_up`
HALO = 2  # radius of the receptive field of the refinement's two 3×3 convolutions


class Runtime(TypedDict, total=False):
    """The engine, device and precision; the same for all pictures. See `Harmonizer`."""

    device: str
    engine: str
    precision: str


@dataclass(frozen=True)
class Config:
    """The configuration of a CDTNet.

    Attributes:
        variant: "cdtnet" is the whole method, "cdtnet-sim" the color mapping alone, "is2am" the generator
            alone, upsampled.
        base_size: Side of the square that is analyzed, in pixels; a multiple of 8, up to 1024.
        luts: Number of basis LUTs, up to 256.
        split: Whether the LUTs' weights are predicted from foreground and background separately.
        antialias: Whether a picture is low-pass filtered when it is resized to base size. The published
            weights were trained without.
        residual: Whether the refinement receives most of the difference between the generator's and the
            color mapping's picture at base size, instead of the generator's picture, so that upsampling
            blurs a correction and not a picture. The published weights were trained without. No effect on
            other variants.
        second_look: Whether a `Harmonizer` analyzes a picture twice, as it is and mirrored, averages both,
            and reduces the change if they disagree. The module `CDTNet` analyzes it once.
        close_up: Whether a `Harmonizer` analyzes the foreground and its surroundings (`inference/crop.py`)
            instead of the whole picture, if that is larger than the base size. The module `CDTNet` analyzes
            its whole input.
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
            raise ValueError(
                f"base_size must be a multiple of 8 from 8 to {LARGEST_BASE}, not {self.base_size!r}"
            )
        if not _whole(self.luts, 1, MOST_LUTS):
            raise ValueError(f"luts must be an integer from 1 to {MOST_LUTS}, not {self.luts!r}")
        switches = self.split, self.antialias, self.residual, self.second_look, self.close_up
        if not all(isinstance(switch, bool) for switch in switches):
            raise ValueError("split, antialias, residual, second_look and close_up must be true or false")


def _whole(number: object, least: int, most: int) -> bool:
    """Check whether a value, such as one from a file, is an integer in this range."""
    return type(number) is int and least <= number <= most
