"""The one way through: read → analyse → render → write, for one picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..config import PRECISIONS, Precision
from ..engines.opening import open_engine
from ..errors import CdtnetError, PictureError
from ..imaging import Lut, Picture, like, to_masks, to_picture
from ..imaging.composition import Layer
from ..imaging.cube import check_strength
from ..imaging.geometry import Window, tiles
from ..imaging.masks import check_background
from ..system.forking import use_threads
from ..weights.loading import weights_file
from .objects import Foreground, find_foreground
from .painter import TILE, Painter
from .provenance import Record, file_sha256, identity
from .result import Result
from .tensors import harmonize_tensor, is_pictures

if TYPE_CHECKING:
    from ..model import CDTNet

Progress = Callable[[int, int], None]


class Harmonizer:
    """A model, ready for many pictures.

    Threads may share it. It can be copied and pickled, to be sent to processes that were started by "spawn";
    a process that was forked from one that had it refuses to use it.

    Args:
        model: a shipped name ("cdtnet-256", "cdtnet-512", "cdtnet-sim", "is2am"), a path to weights, or a
            `CDTNet`, of which a copy is made, so that it stays as it is, and later changes to it don't count.
        device: "auto" for a GPU if there is one, else "cpu"; or "cuda", "mps" or another of PyTorch's.
        engine: "auto" for OpenVINO on a CPU and PyTorch on a GPU; or "openvino" or "pytorch".
        precision: of the refinement's convolutions. "auto" is int8 or bfloat16 for 8-bit pictures where
            weights and hardware allow it (no pixel moves by more than one level), and float32 else; or
            "float32", "bfloat16" or "int8".
        threads: of OpenVINO, one for each core by default. PyTorch's are set by `torch.set_num_threads`.

    Raises:
        WeightsError: if there are no such weights, or they do not fit.
        CdtnetError: if the engine or the device cannot be used here.
    """

    def __init__(
        self,
        model: str | PathLike[str] | CDTNet = "cdtnet-256",
        device: str = "auto",
        *,
        engine: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ):
        if precision not in ("auto", *PRECISIONS):
            raise CdtnetError(
                f"There is no precision {precision!r}; there are auto, {', '.join(PRECISIONS)}."
            )
        use_threads()
        if not isinstance(model, str | PathLike):
            model = deepcopy(model).requires_grad_(False)
        self._arguments = {"model": model, "device": device, "engine": engine, "threads": threads}
        self.engine = open_engine(model, device, engine, threads)
        if precision not in ("auto", *self.engine.precisions):
            raise CdtnetError(
                f"{self.engine.name} computes these weights in {', '.join(self.engine.precisions)}, not in "
                f"{precision}; for int8 use the engine openvino and write the weights anew: cdtnet convert."
            )
        self._model = model if isinstance(model, str | PathLike) else None
        self.precision = precision

    def __call__(
        self,
        composite: Any,
        mask: Any,
        *,
        strength: float = 1.0,
        resize_mask: bool = False,
        whole_frame: bool = False,
        apply_anyway: bool = False,
        snap_mask: bool = False,
        layer: Layer | None = None,
        record: bool | Mapping[str, Any] = False,
        progress: Progress | None = None,
    ) -> Result:
        """Recolour the foreground of a composite so that it belongs.

        Pixels where the mask is 0 come back bit-identical. Memory beyond the pictures themselves is bounded,
        whatever their size.

        Args:
            composite: a path, a PIL image, or an array (H,W), (H,W,1), (H,W,3) or (H,W,4), RGB, uint8, uint16
                or float in 0..1; or a tensor (3,H,W) or (B,3,H,W), uint8 or float, on any device.
            mask: a path, a PIL image or an array (H,W) as large as the composite; white is foreground, grey
                is soft coverage. Objects that lie apart are analysed apart; so are the masks of a list, or
                the labels of an array of int32 or int64, of which 0 is background.
                For tensors also a tensor (H,W), (1,H,W), (B,H,W) or (B,1,H,W).
            strength: 0 leaves the composite as it is, 1 harmonizes fully; linear between.
            resize_mask: accept a mask of another size and bring it to the composite's.
            whole_frame: return the network's whole frame as published, not blended with the mask; then the
                background changes too.
            apply_anyway: make the whole change even where the analysis is not sure of it.
            snap_mask: refine a rough mask to the object's edge first; see `snap_mask`.
            layer: the foreground by itself, as `compose` gives it beside the composite and the mask: soft
                edges then change as solid parts do.
            record: note in the result, and in its XMP where it is a `Picture`, what it was made of and how,
                so that it can be made again; what is given here is added to that, or replaces it.
            progress: called with tiles done and tiles in all.

        Raises:
            PictureError: if the composite or the mask cannot be used.

        Warns:
            UserWarning: if the mask leaves nothing to do, or nothing to go by, or if little is changed.
        """
        check_strength(strength)
        if is_pictures(composite):
            again = partial(
                self,
                strength=strength,
                resize_mask=resize_mask,
                whole_frame=whole_frame,
                apply_anyway=apply_anyway,
                snap_mask=snap_mask,
                record=record,
                progress=progress,
            )
            return harmonize_tensor(again, composite, mask)
        picture = to_picture(composite)
        given = picture if isinstance(composite, str | PathLike) else composite
        height, width = picture.height, picture.width
        masks = to_masks(mask, height, width, resize=resize_mask)
        check_background(picture, masks)
        if whole_frame and len(masks) > 1:
            raise PictureError("The whole frame is rendered for one mask; give masks one by one.")
        masks, unsnapped = _snapped(picture, masks) if snap_mask else (masks, None)
        foreground = self._find(masks, apart=not whole_frame)
        if whole_frame:
            whole = Window(0, 0, height, width)
            parts = [part._replace(extent=whole) for part in foreground.parts]
            foreground = foreground._replace(parts=parts, windows=[*tiles(height, width, TILE)])
        windows = foreground.windows
        settings = {
            "strength": strength,
            "resize_mask": resize_mask,
            "whole_frame": whole_frame,
            "apply_anyway": apply_anyway,
            "snap_mask": snap_mask,
        }
        noted = self._record(record, picture, composite, mask, settings)
        remark, pixels, lut = foreground.remark, picture.pixels.copy(), None
        if foreground.parts:
            painter = self._analyze(
                picture,
                foreground,
                strength=strength,
                whole_frame=whole_frame,
                apply_anyway=apply_anyway,
                layer=layer,
            )
            lut, remark = painter.lut, remark or painter.remark
            for done, (window, painted) in enumerate(painter.paint(windows), start=1):
                pixels[window.slices] = painted
                if progress:
                    progress(done, len(windows))
        remark = " ".join(filter(None, (unsnapped, remark))) or None
        if remark:
            warnings.warn(remark, stacklevel=2)
        return Result(like(picture.replace_pixels(pixels, noted), composite), lut, given, noted, remark)

    def to_file(
        self,
        composite: Any,
        mask: Any,
        output: str | PathLike[str],
        *,
        strength: float = 1.0,
        resize_mask: bool = False,
        apply_anyway: bool = False,
        snap_mask: bool = False,
        quality: int = 95,
        record: bool | Mapping[str, Any] = False,
        progress: Progress | None = None,
    ) -> None:
        """Harmonize into a file, whole or not at all.

        A composite that is a file of more than 1 GiB of pixels goes into a TIFF file bit by bit, unless its
        mask is to be snapped: then neither it nor its mask is ever held in memory, and masks of another size
        are refused.

        Args:
            composite: as above.
            mask: as above.
            output: the file's name; its suffix says the format.
            strength: as above.
            resize_mask: as above.
            apply_anyway: as above.
            snap_mask: as above.
            quality: 1 to 100, for JPEG and lossy WebP.
            record: as above; into the file.
            progress: called with parts done and parts in all.

        Raises:
            PictureError: if the composite or the mask cannot be used, or the format cannot hold the picture.
            WriteError: if the file cannot be written.

        Warns:
            UserWarning: if the mask leaves nothing to do, or nothing to go by, or if little is changed.
        """
        from .streaming import is_streamed, stream

        if not snap_mask and is_streamed(composite, output):
            check_strength(strength)
            settings = {
                "strength": strength,
                "resize_mask": False,
                "whole_frame": False,
                "apply_anyway": apply_anyway,
                "snap_mask": False,
            }
            note = partial(self._record, record, composite=composite, mask=mask, settings=settings)
            analyze = partial(self._analyze, strength=strength, apply_anyway=apply_anyway)
            stream(composite, mask, output, self._find, analyze, note, progress)
            return
        result = self(
            composite,
            mask,
            strength=strength,
            resize_mask=resize_mask,
            apply_anyway=apply_anyway,
            snap_mask=snap_mask,
            record=record,
            progress=progress,
        )
        picture = to_picture(result.image)
        picture.replace_pixels(picture.pixels, result.record).save(output, quality=quality)

    def lut(
        self,
        composite: Any,
        mask: Any,
        *,
        resize_mask: bool = False,
        apply_anyway: bool = False,
        snap_mask: bool = False,
    ) -> Lut | None:
        """The table that is mixed for a picture, as a `Result` has it, without rendering anything.

        Warns:
            UserWarning: if it changes little.
        """
        picture = to_picture(composite)
        masks = to_masks(mask, picture.height, picture.width, resize=resize_mask)
        foreground = self._find(_snapped(picture, masks)[0] if snap_mask else masks)
        if not foreground.parts:
            return None
        painter = self._analyze(picture, foreground, strength=1.0, apply_anyway=apply_anyway)
        lut = painter.lut
        if lut and painter.remark:
            warnings.warn(painter.remark, stacklevel=2)
        return lut

    def _find(self, masks: Sequence[Any], *, apart: bool = True) -> Foreground:
        """The objects of masks; one for each mask where the network was not made for more."""
        return find_foreground(masks, TILE, apart=apart and self.engine.config.close_up)

    def _analyze(
        self,
        picture: Picture,
        foreground: Foreground,
        *,
        strength: float,
        whole_frame: bool = False,
        apply_anyway: bool = False,
        layer: Layer | None = None,
    ) -> Painter:
        use_threads()
        return Painter(
            self.engine,
            self._precision(picture),
            picture,
            foreground,
            strength=strength,
            whole_frame=whole_frame,
            apply_anyway=apply_anyway,
            layer=layer,
        )

    def _record(
        self,
        wanted: bool | Mapping[str, Any],
        picture: Picture,
        composite: Any,
        mask: Any,
        settings: dict[str, Any],
    ) -> Record | None:
        if wanted is False:
            return None
        if self._model is None:
            raise CdtnetError(
                "A record names a file of weights, which a PyTorch module has not; save it first."
            )
        given = {} if wanted is True else wanted
        sources = {"composite": composite, "mask": mask}
        return {
            "cdtnet": __version__,
            "model": Path(self._model).name,
            "weights": file_sha256(weights_file(self._model)),
            "engine": self.engine.name,
            "runtime": self.engine.describe(),
            "precision": self._precision(picture),
            **settings,
            **{role: _identities(source) for role, source in sources.items() if role not in given},
            **given,
        }

    def _precision(self, picture: Picture) -> Precision:
        """What the picture's depth allows, unless one was asked for."""
        for precision in PRECISIONS:
            if self.precision == precision:
                return precision
        return self.engine.fast if picture.pixels.dtype == np.uint8 else "float32"

    def __getstate__(self) -> dict[str, Any]:
        """What another process, or a copy, is made from: the arguments, not the runtime."""
        return {**self._arguments, "precision": self.precision}

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        """Make the runtime anew."""
        Harmonizer.__init__(self, **arguments)


def _snapped(picture: Picture, masks: Sequence[Any]) -> tuple[list[Any], str | None]:
    """The masks refined to edges, and a sentence if one is left as it was."""
    from ..imaging.snapping import snap

    refined = [snap(picture.pixels, mask[:, :]) for mask in masks]
    return [mask for mask, _ in refined], next((remark for _, remark in refined if remark), None)


def _identities(source: Any) -> Any:
    """What tells a picture, or each of a list of masks, from all others."""
    return [identity(each) for each in source] if isinstance(source, list | tuple) else identity(source)


def harmonize(
    composite: Any, mask: Any, *, model: str | PathLike[str] = "cdtnet-256", strength: float = 1.0
) -> Any:
    """Harmonize one picture; see `Harmonizer` for many.

    Args:
        composite: a path, a PIL image, or an array (H,W,3) or (H,W,4), RGB, uint8, uint16 or float in 0..1.
        mask: the same kinds, (H,W), as large as the composite; white is foreground.
        model: a shipped name or a path to weights.
        strength: 0 leaves the composite as it is, 1 harmonizes fully.

    Returns:
        The harmonized picture: the same kind, size and depth as the composite. For a path, a `Picture`, which
        keeps colour profile and metadata: `.save(path)` writes it, `numpy.asarray` gives its pixels.
    """
    return Harmonizer(model)(composite, mask, strength=strength).image
