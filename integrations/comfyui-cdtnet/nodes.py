"""Nodes for ComfyUI: harmonize a batch, apply its lookup tables to other pictures, save them.

ComfyUI passes and expects torch tensors: `IMAGE` (B,H,W,C) and `MASK` (B,H,W), 0..1, white is foreground.
They are processed as NumPy views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdtnet import CdtnetError, Harmonizer, Lut, Picture, PictureError, harmonize_frames
from cdtnet.weights import SHIPPED

Floats = NDArray[np.float32]
Inputs = dict[str, dict[str, tuple[Any, ...]]]

LUTS = "CDTNET_LUT"  # one `Lut` a picture, or None
_STRENGTH = ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.05})
_AMOUNT = ("FLOAT", {"default": 1.0, "min": 0.0, "max": 2.0, "step": 0.05})
_CORRECTION = ("FLOAT", {"default": 0.0, "min": -100.0, "max": 100.0, "step": 1.0})
_CONTROLS: dict[str, tuple[Any, ...]] = {
    "tone": _AMOUNT,
    "color": _AMOUNT,
    "keep_hue": ("BOOLEAN", {"default": False}),
    **dict.fromkeys(("brightness", "contrast", "warmth", "tint", "saturation"), _CORRECTION),
}
_MASKS = ("MASK", {"tooltip": "Further objects of the same pictures: a batch of masks, one for each object."})
_FILM = {"default": False, "tooltip": "Harmonize the pictures as frames of a video, without flicker."}
_MASK = ("MASK", {"tooltip": "White is foreground; as large as the picture, one for all or one for each."})


class Harmonize:
    """Recolors the foregrounds of composites to match their backgrounds."""

    CATEGORY = "image/harmonize"
    DESCRIPTION = "Recolors the masked object to match the picture; the rest is unchanged."
    FUNCTION = "harmonize"
    RETURN_TYPES = ("IMAGE", LUTS)
    RETURN_NAMES = ("image", "lut")

    def __init__(self) -> None:
        self._harmonizers: dict[str, Harmonizer] = {}

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802 – ComfyUI's name
        """Return the inputs of the node."""
        composite = ("IMAGE", {"tooltip": "Pictures with something pasted into them."})
        models = (list(SHIPPED), {"default": "cdtnet-256"})
        required = {"composite": composite, "mask": _MASK, "model": models, "strength": _STRENGTH}
        return {"required": required, "optional": {"film": ("BOOLEAN", _FILM), "masks": _MASKS, **_CONTROLS}}

    def harmonize(
        self,
        composite: Any,
        mask: Any,
        model: str,
        strength: float,
        film: bool = False,
        masks: Any = None,
        **controls: Any,
    ) -> tuple[Any, list[Lut | None]]:
        """Harmonize a batch.

        Args:
            composite: IMAGE (B,H,W,C).
            mask: MASK (B,H,W) or (1,H,W).
            model: The name of shipped weights.
            strength: 0..1.
            film: Whether the pictures are consecutive frames of a video, to be recolored without flicker.
            masks: MASK (N,H,W): one further object per mask, the same for every picture.
            controls: The other fields of `cdtnet.Controls`.

        Returns:
            IMAGE (B,H,W,C) and the lookup table of each picture: None if the model makes none or the mask is
            black.

        Raises:
            PictureError: The masks do not fit the pictures.
        """
        if model not in self._harmonizers:
            self._harmonizers[model] = Harmonizer(model)
        image, pictures = _copied(composite)
        progress = _progress_of(len(pictures))
        more = [] if masks is None else [*_of_size(pictures, masks)]
        given = [[soft, *more] for soft in _masks_for(pictures, mask)]
        harmonizer = self._harmonizers[model]
        if film:
            frames = [Picture(pixels) for pixels in pictures]
            together = [np.maximum.reduce(masks) for masks in given]
            results = harmonize_frames(frames, together, model=harmonizer, strength=strength, **controls)
        else:
            results = (
                harmonizer(
                    Picture(pixels),
                    soft,
                    strength=strength,
                    progress=lambda *done, k=k: progress(k, *done),
                    **controls,
                )
                for k, (pixels, soft) in enumerate(zip(pictures, given, strict=True))
            )
        luts: list[Lut | None] = []
        for k, (pixels, result) in enumerate(zip(pictures, results, strict=True)):
            pixels[:] = result.image.pixels
            luts.append(result.lut)
            progress(k, 1, 1)
        return image, luts


class ApplyLut:
    """Applies the lookup table of a harmonized picture to others, such as further frames of a video."""

    CATEGORY = "image/harmonize"
    DESCRIPTION = "Recolors pictures, such as further frames of a video, with a lookup table of Harmonize."
    FUNCTION = "apply"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802 – ComfyUI's name
        """Return the inputs of the node."""
        required = {"image": ("IMAGE",), "lut": (LUTS,), "strength": _STRENGTH}
        return {"required": required, "optional": {"mask": _MASK}}

    def apply(self, image: Any, lut: Sequence[Lut | None], strength: float, mask: Any = None) -> tuple[Any]:
        """Recolor a batch with lookup tables.

        Args:
            image: IMAGE (B,H,W,C).
            lut: One table for all pictures, or one for each.
            strength: 0..1.
            mask: MASK (B,H,W) or (1,H,W); without it, the whole pictures are recolored.

        Returns:
            IMAGE (B,H,W,C).

        Raises:
            PictureError: The masks do not fit the pictures.
            CdtnetError: There is no table, or the number of tables does not fit.
        """
        image, pictures = _copied(image)
        tables = _complete(lut)
        if len(tables) not in (1, len(pictures)):
            raise CdtnetError(
                f"There are {len(pictures)} pictures but {len(tables)} tables; give one, or one for each."
            )
        masks = repeat(None) if mask is None else _masks_for(pictures, mask)
        progress = _progress_of(len(pictures))
        for k, (pixels, soft) in enumerate(zip(pictures, masks, strict=False)):
            recolored = tables[k % len(tables)].recolor(
                Picture(pixels), soft, strength=strength, progress=lambda *done, k=k: progress(k, *done)
            )
            pixels[:] = recolored.pixels
        return (image,)


class SaveLut:
    """Writes tables as .cube files into ComfyUI's output folder."""

    CATEGORY = "image/harmonize"
    DESCRIPTION = "Saves the lookup table of each picture as a .cube file for photo and video editors."
    FUNCTION = "save"
    RETURN_TYPES = ()
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802 – ComfyUI's name
        """Return the inputs of the node."""
        return {"required": {"lut": (LUTS,), "filename_prefix": ("STRING", {"default": "cdtnet"})}}

    def save(self, lut: Sequence[Lut | None], filename_prefix: str) -> dict[str, Any]:
        """Write each table to a new numbered file with the prefix, inside ComfyUI's output folder.

        Raises:
            CdtnetError: There is no table.
            WriteError: A file cannot be written.
        """
        from folder_paths import get_output_directory, get_save_image_path

        tables = _complete(lut)
        place = get_save_image_path(filename_prefix, get_output_directory())
        folder, name, first, subfolder, _ = place
        files = [f"{name}_{number:05}_.cube" for number in range(first, first + len(tables))]
        for table, file in zip(tables, files, strict=True):
            table.save(Path(folder) / file)
        return {"ui": {"luts": [{"filename": f, "subfolder": subfolder, "type": "output"} for f in files]}}


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "CdtnetHarmonize": Harmonize,
    "CdtnetApplyLut": ApplyLut,
    "CdtnetSaveLut": SaveLut,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "CdtnetHarmonize": "Harmonize (cdtnet)",
    "CdtnetApplyLut": "Apply Color Table (cdtnet)",
    "CdtnetSaveLut": "Save Color Table (cdtnet)",
}


def _copied(image: Any) -> tuple[Any, Floats]:
    """Return a copy of an IMAGE on the CPU, and a writable (B,H,W,C) view of its values.

    Values may lie outside 0..1, as those of a scaled image do; pixels that are not recolored keep them.
    """
    copy = image.detach().cpu().float().clone()
    pictures: Floats = copy.numpy()
    if not np.isfinite(pictures).all():
        raise PictureError("The pictures hold NaN or infinite values; look for the node that made them.")
    return copy, pictures


def _masks_for(pictures: Floats, mask: Any) -> Floats:
    """Return the coverage of each picture's foreground (B,H,W) from a MASK."""
    masks, count = _of_size(pictures, mask), len(pictures)
    if len(masks) not in (1, count):
        raise PictureError(
            f"There are {count} pictures but {len(masks)} masks; give one mask, or one for each picture; "
            "masks of several objects in one picture go into masks."
        )
    return np.broadcast_to(masks, pictures.shape[:3])


def _of_size(pictures: Floats, mask: Any) -> Floats:
    """Return the values (N,H,W) of a MASK, after checking that it is as large as the pictures."""
    masks: Floats = np.clip(mask.detach().cpu().float().numpy(), 0, 1)
    masks = masks.reshape(-1, *masks.shape[-2:])
    height, width = pictures.shape[1:3]
    if masks.shape[1:] != (height, width):
        raise PictureError(
            f"The mask has {masks.shape[2]}×{masks.shape[1]} pixels and the picture {width}×{height}; "
            "give one of the same size (that of Load Image is 64×64 where the file has no transparency)."
        )
    return masks


def _complete(luts: Sequence[Lut | None]) -> list[Lut]:
    tables = [lut for lut in luts if lut is not None]
    if len(tables) < len(luts):
        raise CdtnetError(
            "A picture has no lookup table, because the model is is2am or the mask is black; choose another."
        )
    return tables


def _progress_of(pictures: int) -> Callable[[int, int, int], None]:
    """Return a function that shows progress in ComfyUI, and raises its exception if the user has cancelled.

    Its arguments: the number of pictures done, and, of the next one, the tiles done and the tiles in total.
    """
    try:
        from comfy.model_management import throw_exception_if_processing_interrupted
        from comfy.utils import ProgressBar
    except ImportError:  # a program that runs nodes without ComfyUI
        return lambda *_: None
    bar = ProgressBar(100 * pictures)

    def progress(picture: int, done: int, total: int) -> None:
        throw_exception_if_processing_interrupted()
        bar.update_absolute(100 * picture + 100 * done // total)

    return progress
