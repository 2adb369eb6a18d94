"""The options for a picture, shared by the command line, the server, the page and batches."""

from __future__ import annotations

from dataclasses import dataclass

from ..imaging.cube import check_strength
from ..imaging.meaning import Label
from ..imaging.write import check_quality


@dataclass(frozen=True)
class Options:
    """How a picture is harmonized and written.

    Attributes:
        strength: 0 leaves the composite as it is, 1 harmonizes fully.
        resize_mask: Whether a mask of another size is resized to the composite's.
        quality: 1 to 100, of JPEG and lossy WebP.
        apply_anyway: Whether the whole change is applied even where the analysis is uncertain.
        snap_mask: Whether a rough mask is refined to the object's edge.
        labels: The foreground labels of a label map; by default all except the background.
        color_space: The color space of composites without a profile, "srgb" or "linear"; None for the file's.

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

    def __post_init__(self) -> None:
        check_strength(self.strength)
        check_quality(self.quality)
