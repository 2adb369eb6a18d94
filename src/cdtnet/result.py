"""What harmonizing gives back."""

from dataclasses import dataclass
from typing import Any

from .imaging import Lut


@dataclass(frozen=True)
class Result:
    """A harmonized picture.

    Attributes:
        image: of the same kind, size and depth as the composite; a `Picture` for a path.
        lut: the colour table that the network mixed for this picture, `lut.save("look.cube")`; None if the
            model has no colour mapping ("is2am") or the mask no foreground.
        composite: what was harmonized, as it was given; for a path the `Picture` that was read.
    """

    image: Any
    lut: Lut | None
    composite: Any
