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
    """The words of `Controls`, and those of `Options` that `Harmonizer` takes."""

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
    """How a picture is harmonized and written.

    Attributes:
        controls: How the harmonized foreground is steered.
        resize_mask: Whether a mask of another size is brought to the composite's.
        quality: 1 to 100, of JPEG and lossy WebP.
        apply_anyway: Whether the whole change is made even where the analysis is not sure of it.
        snap_mask: Whether the mask is rough and is refined to the object's edge.
        labels: Of a map of labels, those that are foreground; by default all but the background.
        color_space: What composites without a profile mean, "srgb" or "linear"; None for what files say.
        profile: The file of the ICC profile that such composites have; None for what files say.
        invert_mask: Whether the mask shows the background.
        grow: Pixels by which the mask is grown, or shrunk below zero; see `adjust_mask`.
        feather: Pixels to either side over which its edge is softened.

    Raises:
        PictureError: One of them is out of its range.
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
        """What is done to the mask besides snapping, as far as it differs from the default."""
        names = "invert_mask", "grow", "feather"
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def changes_mask(self) -> bool:
        """Whether the mask is used otherwise than it is given."""
        return self.snap_mask or bool(self.edge)

    def but(self, **words: Any) -> Self:
        """The same with other values of its fields, those of the controls by their own words.

        Raises:
            PictureError: One of them is out of its range.
        """
        steering = {name: words.pop(name) for name in WORDS if name in words}
        controls = replace(words.pop("controls", self.controls), **steering)
        return replace(self, controls=controls, **words)

    def flat(self) -> dict[str, Any]:
        """All of it by the words that `but` takes."""
        every = asdict(self)
        return {**every.pop("controls"), **every}
