"""What a caller may choose for a picture; the command line, the server, the page and batches hand it on."""

from __future__ import annotations

from dataclasses import dataclass

from ..imaging.cube import check_strength
from ..imaging.edges import check_edge
from ..imaging.meaning import Label
from ..imaging.write import check_quality


@dataclass(frozen=True)
class Options:
    """How a picture is harmonized and written.

    Attributes:
        strength: 0 leaves the composite as it is, 1 harmonizes fully.
        resize_mask: Whether a mask of another size is brought to the composite's.
        quality: 1 to 100, of JPEG and lossy WebP.
        apply_anyway: Whether the whole change is made even where the analysis is not sure of it.
        snap_mask: Whether the mask is rough and is refined to the object's edge.
        labels: Of a map of labels, those that are foreground; by default all but the background.
        color_space: What composites without a profile mean, "srgb" or "linear"; None for what files say.
        invert_mask: Whether the mask shows the background.
        grow: Pixels by which the mask is grown, or shrunk below zero; see `adjust_mask`.
        feather: Pixels to either side over which its edge is softened.

    Raises:
        PictureError: One of them is out of its range.
    """

    strength: float = 1.0
    resize_mask: bool = False
    quality: int = 95
    apply_anyway: bool = False
    snap_mask: bool = False
    labels: tuple[Label, ...] = ()
    color_space: str | None = None
    invert_mask: bool = False
    grow: int = 0
    feather: float = 0.0

    def __post_init__(self) -> None:
        check_edge(self.grow, self.feather)
        check_strength(self.strength)
        check_quality(self.quality)
