"""What a caller may choose for a picture; the command line, the server, the page and batches hand it on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypedDict

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

    def __post_init__(self) -> None:
        check_quality(self.quality)

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
