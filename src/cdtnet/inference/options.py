"""The options for a picture, shared by the command line, the server, the page and batches."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypedDict

from ..imaging.edges import check_edge
from ..imaging.meaning import Label
from ..imaging.write import check_quality
from .controls import WORDS, Controls

if TYPE_CHECKING:
    from typing_extensions import Self


class Choices(TypedDict, total=False):
    """The fields of `Controls`, and those of `Options` that `Harmonizer` accepts as keywords."""

    strength: float
    tone: float
    color: float
    keep_hue: bool
    brightness: float
    contrast: float
    warmth: float
    tint: float
    saturation: float
    resize_mask: bool
    apply_anyway: bool
    snap_mask: bool
    invert_mask: bool
    grow: int
    feather: float


@dataclass(frozen=True)
class Options:
    """Options for harmonizing and writing a picture.

    Attributes:
        controls: Controls of the harmonized foreground.
        resize_mask: Whether to resize a mask of another size.
        quality: 1 to 100, for lossy formats.
        apply_anyway: Whether to apply the whole change even where the analysis is uncertain.
        snap_mask: Whether to refine a rough mask to the object's edge.
        labels: The foreground labels of a label map; by default all except the background.
        color_space: The color space of composites without a profile, "srgb" or "linear"; None for the file's.
        profile: A file with the ICC profile of composites without one; None for the file's.
        invert_mask: Whether the mask is white where the background is.
        grow: Pixels by which the mask is grown, or shrunk if negative; see `adjust_mask`.
        feather: Pixels to either side over which its edge is softened.

    Raises:
        PictureError: A value is out of its range.
    """

    controls: Controls = field(default_factory=Controls)
    resize_mask: bool = False
    quality: int = 95
    apply_anyway: bool = False
    snap_mask: bool = False
    labels: tuple[Label, ...] = ()
    color_space: str | None = None
    profile: str | None = None
    invert_mask: bool = False
    grow: int = 0
    feather: float = 0.0

    def __post_init__(self) -> None:
        check_edge(self.grow, self.feather)
        check_quality(self.quality)

    @property
    def edge(self) -> dict[str, Any]:
        """The edits of the mask other than snapping that differ from the default."""
        names = "invert_mask", "grow", "feather"
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def changes_mask(self) -> bool:
        """Whether the mask is edited before it is used."""
        return self.snap_mask or bool(self.edge)

    def but(self, **words: Any) -> Self:
        """Return the options with other values for some fields, including those of the controls.

        Raises:
            PictureError: A value is out of its range.
        """
        steering = {name: words.pop(name) for name in WORDS if name in words}
        controls = replace(words.pop("controls", self.controls), **steering)
        return replace(self, controls=controls, **words)

    def flat(self) -> dict[str, Any]:
        """Return all values by the names that `but` accepts."""
        every = asdict(self)
        return {**every.pop("controls"), **every}
