"""The result of harmonizing."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..imaging import Lut, to_picture


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A harmonized picture; a notebook shows it beside the composite.

    Attributes:
        image: of the same kind, size and depth as the composite; a `Picture` for a path.
        lut: the lookup table predicted for this picture, `lut.save("look.cube")`; None if the
            model has no color mapping ("is2am") or the mask no foreground.
        composite: the composite as it was passed; for a path the `Picture` that was read.
        record: how the image was made, if requested.
        remark: what is unusual about the mask, or why little is changed, in a sentence; usually None.
    """

    image: Any
    lut: Lut | None
    composite: Any
    record: Mapping[str, Any] | None = None
    remark: str | None = None

    def __repr__(self) -> str:
        image = self.image
        if isinstance(image, np.ndarray):
            image = f"<array {image.shape} {image.dtype}>"
        return f"<Result image={image} lut={self.lut}>"

    def _repr_html_(self) -> str:
        figures = _figure("composite", self.composite) + _figure("harmonized", self.image)
        return f'<div style="display: flex; gap: 8px">{figures}</div>'


def _figure(name: str, source: Any) -> str:
    """A small copy that needs no other file, so that a notebook keeps it."""
    from ..imaging.preview import preview

    data = b64encode(preview(to_picture(source))).decode()
    image = f'<img alt="{name}" src="data:image/webp;base64,{data}" style="max-width: 100%">'
    caption = f"<figcaption>{name}</figcaption>"
    return f'<figure style="flex: 1 1 0; min-width: 0; margin: 0">{image}{caption}</figure>'
