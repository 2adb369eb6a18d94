"""PyTorch tensors, of one picture or a batch, in the common pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..imaging.convert import is_tensor
from .result import Result

if TYPE_CHECKING:
    from torch import Tensor


def is_pictures(source: Any) -> bool:
    """Check for a tensor of a color picture (3,H,W), or of a batch (B,3,H,W)."""
    return is_tensor(source) and source.ndim in (3, 4) and source.shape[-3] == 3


def harmonize_tensor(harmonize: Callable[[Any, Any], Result], composite: Tensor, mask: Any) -> Result:
    """Harmonize the pictures of a tensor one by one.

    Args:
        harmonize: A function from an array (H,W,3) and a mask to a result.
        composite: (3,H,W) or (B,3,H,W), RGB, uint8 or floats in 0..1, on any device.
        mask: For one picture, any kind of mask, or a tensor (H,W) or (1,H,W); for a batch, a tensor (B,H,W),
            (B,1,H,W), (H,W) or (1,H,W), the last two for all pictures.

    Returns:
        The image is a tensor of the composite's shape, type and device, without gradients. For one picture
        there are its table and remark; for a batch there is no table, and only the first remark.

    Raises:
        PictureError: The shapes or the types cannot be used.
    """
    single = composite.ndim == 3
    batch = composite[None] if single else composite
    masks = _masks(mask, len(batch), single=single)
    if len(batch) == 0:
        raise PictureError("A batch needs at least one picture.")
    results = [harmonize(_pixels(picture), each) for picture, each in zip(batch, masks, strict=True)]
    image = composite.detach().clone()
    for target, picture, result in zip(image[None] if single else image, batch, results, strict=True):
        made = target.new_tensor(np.ascontiguousarray(np.moveaxis(result.image, -1, 0)))
        # Unchanged values keep their precision, which may be higher than a picture's.
        same = made == target.new_tensor(np.ascontiguousarray(np.moveaxis(_pixels(picture), -1, 0)))
        target.copy_(target.where(same, made))
    remark = next((result.remark for result in results if result.remark), None)
    paint = partial(_layers, results, image, single=single)
    return Result(image, results[0].lut if single else None, composite, remark=remark, paint_layer=paint)


def _layers(results: Sequence[Result], image: Tensor, *, single: bool) -> Tensor:
    """Return the layers (4,H,W) or (B,4,H,W) of pictures."""
    layers = np.stack([np.moveaxis(result.layer, -1, 0) for result in results])
    tensor: Tensor = image.new_tensor(layers)
    return tensor[0] if single else tensor


def _masks(mask: Any, count: int, *, single: bool) -> list[Any]:
    """Return a mask for each picture; tensors become arrays (H,W)."""
    if not is_tensor(mask):
        if single or count == 1:
            return [mask]
        raise PictureError("The masks of a batch are a tensor (B,H,W) or (B,1,H,W).")
    if mask.ndim == 4 and mask.shape[1] == 1:
        mask = mask[:, 0]
    if mask.ndim == 2:
        mask = mask[None]
    if mask.ndim != 3 or len(mask) not in (1, count):
        expected = "(H,W) or (1,H,W)" if single else f"({count},H,W) or ({count},1,H,W)"
        raise PictureError(f"The mask's tensor must be {expected}, not {tuple(mask.shape)}.")
    arrays = [_array(plane) for plane in mask]
    return arrays * count if len(arrays) < count else arrays


def _pixels(picture: Tensor) -> NDArray[Any]:
    """Convert (3,H,W) to (H,W,3)."""
    return np.ascontiguousarray(np.moveaxis(_array(picture), 0, -1))


def _array(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor as an array on the CPU; floats become float32, booleans 0 and 255."""
    plain = tensor.detach().cpu()
    array: NDArray[Any] = (plain.float() if plain.is_floating_point() else plain).numpy()
    return array.astype(np.uint8) * 255 if array.dtype == bool else array
