"""The result of harmonizing."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import CdtnetError
from ..imaging import Lut, to_picture


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A harmonized picture; a notebook shows it beside the composite.

    Attributes:
        image: The harmonized picture, of the same kind, size and depth as the composite; a `Picture` for a
            path.
        lut: The lookup table predicted for this picture, `lut.save("look.cube")`; None if the model has no
            color mapping ("is2am") or the mask is black.
        composite: The composite as it was passed; for a path, the `Picture` that was read.
        record: How the image was made, if requested.
        remark: What is unusual about the mask, or why little is changed, in a sentence; usually None.
        paint_layer: The function that renders the layer.
    """

    image: Any
    lut: Lut | None
    composite: Any
    record: Mapping[str, Any] | None = None
    remark: str | None = None
    paint_layer: Callable[[], Any] | None = field(default=None, repr=False)

    @cached_property
    def layer(self) -> Any:
        """The harmonized foreground alone, in the size of the picture, rendered on first access.

        Its colors are not multiplied by alpha, which is its coverage: blended over the background, it gives
        the image. It is an array (H,W,4), or (H,W,2) for gray; a tensor (4,H,W) or (B,4,H,W); a PIL image; or
        a `Picture`.

        Raises:
            CdtnetError: The result comes from another process, where the layer was not rendered.
        """
        if self.paint_layer is None:
            raise CdtnetError(
                "The layer can only be rendered in the picture's process; access result.layer there first."
            )
        return self.paint_layer()

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the function that renders the layer, for other processes."""
        return {**self.__dict__, "paint_layer": None}

    def __repr__(self) -> str:
        image = self.image
        if isinstance(image, np.ndarray):
            image = f"<array {image.shape} {image.dtype}>"
        return f"<Result image={image} lut={self.lut}>"

    def _repr_html_(self) -> str:
        figures = _figure("composite", self.composite) + _figure("harmonized", self.image)
        return f'<div style="display: flex; gap: 8px">{figures}</div>'


def _figure(name: str, source: Any) -> str:
    """Return an HTML figure with an embedded small copy of a picture, so that a notebook keeps it."""
    from ..imaging.preview import preview

    data = b64encode(preview(to_picture(source))).decode()
    image = f'<img alt="{name}" src="data:image/webp;base64,{data}" style="max-width: 100%">'
    caption = f"<figcaption>{name}</figcaption>"
    return f'<figure style="flex: 1 1 0; min-width: 0; margin: 0">{image}{caption}</figure>'
