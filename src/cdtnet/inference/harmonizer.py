"""The pipeline for one picture: read, analyze, render, write."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..config import PRECISIONS, Precision
from ..engines.opening import open_engine
from ..errors import CdtnetError, PictureError
from ..imaging import Lut, Picture, to_masks, to_picture
from ..imaging.composition import Layer
from ..imaging.edges import adjust_mask, invert_mask
from ..imaging.geometry import Window, tiles
from ..imaging.masks import check_background
from ..system.forking import use_threads
from ..weights.loading import weights_file
from .analysis import AnalyzedObject
from .objects import Foreground, find_foreground
from .options import Choices, Options
from .painter import Painter
from .picture_analysis import PictureAnalysis, Progress
from .provenance import Record, file_sha256, identity
from .remarks import joined
from .result import Result
from .tensors import harmonize_tensor, is_pictures

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..model import CDTNet


class Harmonizer:
    """A loaded model that harmonizes pictures.

    Threads may share it. It can be copied and pickled, to be sent to processes that were started by "spawn".
    A process that was forked after the first use raises an error.

    Args:
        model: The name of a shipped model ("cdtnet-256", "cdtnet-512", "cdtnet-sim", "is2am"), a path to
            weights, or a `CDTNet`, which is copied: it is not changed, and later changes have no effect.
        device: "auto" for a GPU if there is one, else "cpu"; or "cuda", "mps" or another name of PyTorch's.
        engine: "auto" for OpenVINO on a CPU and PyTorch on a GPU; or "openvino" or "pytorch".
        precision: The precision of the refinement's convolutions. "auto" is int8 or bfloat16 for 8-bit
            pictures if weights and hardware allow it (no pixel changes by more than one level), and float32
            otherwise; or "float32", "bfloat16" or "int8".
        threads: The number of OpenVINO's threads; one per core by default. Those of PyTorch are set by
            `torch.set_num_threads`.

    Raises:
        WeightsError: There are no such weights, or they do not fit.
        CdtnetError: The engine or the device cannot be used here.
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
            raise CdtnetError(f"There is no precision {precision!r}; choose auto, {', '.join(PRECISIONS)}.")
        use_threads()
        if not isinstance(model, str | PathLike):
            model = deepcopy(model).requires_grad_(False)
        self._arguments = {"model": model, "device": device, "engine": engine, "threads": threads}
        self.engine = open_engine(model, device, engine, threads)
        if precision not in ("auto", *self.engine.precisions):
            raise CdtnetError(
                f"{self.engine.name} computes these weights in {', '.join(self.engine.precisions)}, not in "
                f"{precision}; for int8, use the engine openvino and write the weights again: cdtnet convert."
            )
        self._model = model if isinstance(model, str | PathLike) else None
        self.precision = precision

    def __call__(
        self,
        composite: Any,
        mask: Any,
        options: Options | None = None,
        *,
        whole_frame: bool = False,
        layer: Layer | None = None,
        keep: bool = False,
        record: bool | Mapping[str, Any] = False,
        progress: Progress | None = None,
        **choices: Unpack[Choices],
    ) -> Result:
        """Recolor the foreground of a composite so that it matches the background.

        Pixels where the mask is 0 are bit-identical. Memory beyond the pictures is bounded for any size.

        Args:
            composite: A path, a PIL image, or an array (H,W), (H,W,1), (H,W,3) or (H,W,4), RGB, uint8, uint16
                or float in 0..1; or a tensor (3,H,W) or (B,3,H,W), uint8 or float, on any device.
            mask: A path, a PIL image or an array (H,W) of the composite's size; white is foreground, gray is
                partial coverage. Separate objects are analyzed separately, and so are the masks of a list,
                or the labels of an array of int32 or int64, of which 0 is background.
                For tensors also a tensor (H,W), (1,H,W), (B,H,W) or (B,1,H,W).
            options: All options in one object.
            whole_frame: Whether to return the network's whole frame as published, not blended by the mask;
                the background then changes, too.
            layer: The foreground alone, as `compose` returns it with composite and mask, so that soft edges
                change like opaque parts.
            keep: Whether to keep the rendered change, 12 bytes per foreground pixel, so that `Result.layer`
                does not render it again.
            record: Whether to store a record of how the result was made in the result, and in its XMP if it
                is a `Picture`. The entries of a dictionary are added to the record, or replace its entries.
            progress: Called with the number of finished tiles and the number of all tiles.
            choices: Single options, which override those of `options`: `strength` and the other fields of
                `Controls`; `resize_mask` accepts a mask of another size, and resizes it; `apply_anyway`
                applies the whole change even where the analysis is uncertain; `snap_mask` refines a rough
                mask to the object's edge first, see `snap_mask`; `invert_mask` is for masks whose background
                is white; `grow` and `feather` move and soften edges, see `adjust_mask`.

        Raises:
            PictureError: The composite or the mask cannot be used, or an option is out of range.

        Warns:
            UserWarning: The mask is black or white everywhere, or little is changed, or the result cannot
                hold a part of the composite's file.
        """
        options = (options or Options()).but(**choices)
        if is_pictures(composite):
            again = partial(
                self, options=options, whole_frame=whole_frame, keep=keep, record=record, progress=progress
            )
            return harmonize_tensor(again, composite, mask)
        analysis = self._analysis(composite, mask, options, whole_frame=whole_frame, layer=layer, keep=keep)
        result = analysis.render(record=record, progress=progress)
        if result.remark:
            warnings.warn(result.remark, stacklevel=2)
        return result

    def analyze(
        self,
        composite: Any,
        mask: Any,
        options: Options | None = None,
        *,
        layer: Layer | None = None,
        keep: bool = False,
        **choices: Unpack[Choices],
    ) -> PictureAnalysis:
        """Analyze a composite once, to render it with several sets of controls.

        Args:
            composite: As for calls, except for tensors.
            mask: As for calls.
            options: As for calls.
            layer: As for calls.
            keep: Whether to keep the rendered change, 12 bytes per foreground pixel, so that only the first
                rendering is slow.
            choices: As for calls.

        Raises:
            PictureError: The composite or the mask cannot be used, or an option is out of range.

        Warns:
            UserWarning: The mask is black or white everywhere, or little is changed.
        """
        options = (options or Options()).but(**choices)
        analysis = self._analysis(composite, mask, options, layer=layer, keep=keep)
        if analysis.remark:
            warnings.warn(analysis.remark, stacklevel=2)
        return analysis

    def to_file(
        self,
        composite: Any,
        mask: Any,
        output: str | PathLike[str],
        options: Options | None = None,
        *,
        quality: int | None = None,
        record: bool | Mapping[str, Any] = False,
        progress: Progress | None = None,
        **choices: Unpack[Choices],
    ) -> None:
        """Harmonize into a file, which is written completely or not at all.

        A file of more than 1 GiB of pixels is streamed into a TIFF file, unless its mask is to be snapped.
        Neither picture nor mask is then in memory as a whole, and masks of another size are refused.

        Args:
            composite: As for calls.
            mask: As for calls.
            output: The name of the file; its suffix determines the format.
            options: As for calls.
            quality: 1 to 100, for lossy formats; by default that of the options, 95.
            record: As for calls; stored in the file.
            progress: Called with the number of finished parts and the number of all parts.
            choices: As for calls.

        Raises:
            PictureError: The composite or the mask cannot be used, or the format cannot hold the picture.
            WriteError: The file cannot be written.

        Warns:
            UserWarning: The mask is black or white everywhere, or little is changed.
        """
        from .streaming import is_streamed, stream

        options = (options or Options()).but(**choices)
        options = options if quality is None else options.but(quality=quality)
        if not options.changes_mask and is_streamed(composite, output):
            options = options.but(resize_mask=False)
            note = partial(self._record, record, options, composite=composite, mask=mask)
            analyze = partial(self.painter, options=options)
            stream(composite, mask, output, self._find, analyze, note, options.controls, progress)
            return
        result = self(composite, mask, options, record=record, progress=progress)
        picture = to_picture(result.image)
        picture.replace_pixels(picture.pixels, result.record).save(output, quality=options.quality)

    def lut(
        self, composite: Any, mask: Any, options: Options | None = None, **choices: Unpack[Choices]
    ) -> Lut | None:
        """Return the table for a picture, as in `Result.lut`, without rendering.

        Warns:
            UserWarning: Little is changed.
        """
        analysis = self._analysis(composite, mask, (options or Options()).but(**choices))
        if analysis.lut and analysis.remark:
            warnings.warn(analysis.remark, stacklevel=2)
        return analysis.lut

    def _analysis(
        self,
        composite: Any,
        mask: Any,
        options: Options,
        *,
        whole_frame: bool = False,
        layer: Layer | None = None,
        keep: bool = False,
    ) -> PictureAnalysis:
        use_threads()
        self.engine.prepare()
        picture = to_picture(composite)
        height, width = picture.height, picture.width
        masks = to_masks(mask, height, width, resize=options.resize_mask)
        check_background(picture, masks)
        if whole_frame and len(masks) > 1:
            raise PictureError("The whole frame is rendered for one mask; give masks one by one.")
        masks, unsnapped = _adjusted(picture, masks, options)
        foreground = self._find(masks, apart=not whole_frame)
        if whole_frame:
            whole = Window(0, 0, height, width)
            parts = [part._replace(extent=whole) for part in foreground.parts]
            foreground = foreground._replace(parts=parts, windows=[*tiles(height, width, self.engine.tile)])
        painter = None
        if foreground.parts:
            painter = self.painter(
                picture, foreground, options=options, whole_frame=whole_frame, layer=layer, keep=keep
            )
        remark = foreground.remark or (painter.remark if painter else None)
        remarks = unsnapped, remark, *picture.metadata.left_out
        return PictureAnalysis(
            picture,
            picture if isinstance(composite, str | PathLike) else composite,
            painter,
            foreground.windows,
            options,
            joined(remarks),
            partial(self._record, picture=picture, composite=composite, mask=mask, whole_frame=whole_frame),
        )

    def _find(self, masks: Sequence[Any], *, apart: bool = True) -> Foreground:
        """Return the objects of masks; one per mask if the weights were not trained for several."""
        return find_foreground(masks, self.engine.tile, apart=apart and self.engine.config.close_up)

    def painter(
        self,
        picture: Picture,
        foreground: Foreground,
        *,
        options: Options,
        whole_frame: bool = False,
        layer: Layer | None = None,
        objects: Sequence[AnalyzedObject] | None = None,
        keep: bool = False,
    ) -> Painter:
        """Make the painter that renders the foreground of a picture; see `Painter`."""
        use_threads()
        return Painter(
            self.engine,
            self._precision(picture),
            picture,
            foreground,
            whole_frame=whole_frame,
            apply_anyway=options.apply_anyway,
            layer=layer,
            objects=objects,
            keep=keep,
        )

    def _record(
        self,
        wanted: bool | Mapping[str, Any],
        options: Options,
        *,
        picture: Picture,
        composite: Any,
        mask: Any,
        whole_frame: bool = False,
    ) -> Record | None:
        if wanted is False:
            return None
        if self._model is None:
            raise CdtnetError(
                "A record names a file of weights, which a PyTorch module does not have; save it first."
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
            **asdict(options.controls),
            "resize_mask": options.resize_mask,
            "whole_frame": whole_frame,
            "apply_anyway": options.apply_anyway,
            "snap_mask": options.snap_mask,
            **options.edge,
            **{role: _identities(source) for role, source in sources.items() if role not in given},
            **given,
        }

    def _precision(self, picture: Picture) -> Precision:
        """Return the precision for the picture's depth, unless a precision was given."""
        for precision in PRECISIONS:
            if self.precision == precision:
                return precision
        return self.engine.fast if picture.pixels.dtype == np.uint8 else "float32"

    def __getstate__(self) -> dict[str, Any]:
        """Return the arguments, from which another process, or a copy, makes a new runtime."""
        return {**self._arguments, "precision": self.precision}

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        """Make a new runtime."""
        Harmonizer.__init__(self, **arguments)


def _adjusted(picture: Picture, masks: list[Any], options: Options) -> tuple[list[Any], str | None]:
    """Return the masks inverted, snapped and with edited edges; and a sentence if one is not snapped."""
    remark = None
    if options.invert_mask:
        masks = [invert_mask(mask[:, :]) for mask in masks]
    if options.snap_mask:
        from ..imaging.snapping import snap

        refined = [snap(picture.pixels, mask[:, :]) for mask in masks]
        masks = [mask for mask, _ in refined]
        remark = next((remark for _, remark in refined if remark), None)
    if options.grow or options.feather:
        masks = [adjust_mask(mask[:, :], grow=options.grow, feather=options.feather) for mask in masks]
    return masks, remark


def _identities(source: Any) -> Any:
    """Return what identifies a picture, or each of a list of masks."""
    return [identity(each) for each in source] if isinstance(source, list | tuple) else identity(source)


def harmonize(
    composite: Any, mask: Any, *, model: str | PathLike[str] = "cdtnet-256", strength: float = 1.0
) -> Any:
    """Harmonize one picture; see `Harmonizer` for many.

    Args:
        composite: A path, a PIL image, or an array (H,W,3) or (H,W,4), RGB, uint8, uint16 or float in 0..1.
        mask: The same kinds, (H,W), of the composite's size; white is foreground.
        model: The name of a shipped model or a path to weights.
        strength: 0 leaves the composite unchanged, 1 harmonizes fully.

    Returns:
        The harmonized picture, of the composite's kind, size and depth. For a path, a `Picture` with color
        profile and metadata: `.save(path)` writes it, `numpy.asarray` returns its pixels.
    """
    return Harmonizer(model)(composite, mask, strength=strength).image
