"""`cdtnet compose`: paste cut-outs onto backgrounds and harmonize them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CdtnetError, PictureError
from ..imaging.formats import is_layered
from .compose_jobs import Job, check_names, find_jobs
from .options import (
    add_control_options,
    add_cut_out_option,
    add_mask_options,
    add_model_options,
    add_record_option,
    finder_of,
    runtime,
    say,
    some,
    stoppable_bar,
)
from .outputs import check_apart
from .pictures import (
    Output,
    add_layer_options,
    add_output_options,
    add_reading_options,
    beside,
    check_pipes,
    options_of,
    read_inputs,
    reading,
    record_of,
    save,
)

if TYPE_CHECKING:
    from ..imaging import Picture
    from ..inference.harmonizer import Harmonizer
    from ..inference.options import Options
    from ..inference.pieces import Piece


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "pictures",
        metavar="FOREGROUND … BACKGROUND",
        nargs="+",
        help="FOREGROUND: a cut-out with transparency, or a picture with --mask or --cut-out; several are "
        "pasted on top of each other; the pictures of a folder are pasted one by one. BACKGROUND: the "
        "picture to paste on, or a folder of them; not needed for a FOREGROUND.psd or .ora, whose highest "
        "layer is pasted on the layers below it. One of them may be - for stdin",
    )
    parser.add_argument(
        "--at",
        type=_place,
        action="append",
        metavar="X,Y",
        help="position of the scaled foreground's top left corner in background pixels; --at=-40,10 for a "
        "position outside (default: centered); once for each foreground, or once for all, like --scale and "
        "--rotate",
    )
    parser.add_argument(
        "--scale",
        type=float,
        action="append",
        help="scale of the foreground (default: 1, pixel for pixel)",
    )
    parser.add_argument(
        "--rotate",
        type=float,
        action="append",
        metavar="DEGREES",
        help="clockwise rotation about its center",
    )
    parser.add_argument(
        "--flip", action="store_true", help="mirror the foreground, left to right, before it is rotated"
    )
    parser.add_argument(
        "--mask", help="part of the foreground to paste: a mask of its size, white = pasted, gray = soft edge"
    )
    add_cut_out_option(parser, "find the object in an ordinary photo")
    add_mask_options(parser)
    parser.add_argument(
        "--defringe", action="store_true", help="remove the old background's color from soft edges"
    )
    parser.add_argument("--no-harmonize", action="store_true", help="paste only")
    parser.add_argument("--mask-output", metavar="FILE", help="also write the mask of the pasted foreground")
    parser.add_argument(
        "--composite-output", metavar="FILE", help="also write the composite before harmonizing"
    )
    add_output_options(
        parser, "BACKGROUND_FOREGROUND_harmonized, or …_composite with --no-harmonize; a folder for folders"
    )
    add_model_options(parser)
    add_control_options(parser)
    add_layer_options(parser)
    add_reading_options(parser)
    add_record_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, paste, harmonize, write; the written paths are the lines on stdout."""
    from ..inference.harmonizer import Harmonizer

    _check(arguments)

    @lru_cache(maxsize=1)
    def harmonizer() -> Harmonizer:
        return Harmonizer(arguments.model, **runtime(arguments))

    if not any(map(os.path.isdir, arguments.pictures)):
        *foregrounds, background = (
            arguments.pictures if len(arguments.pictures) > 1 else [*arguments.pictures, None]
        )
        job = Job(foregrounds, [arguments.mask] if arguments.mask else [], background)
        _check_layers(arguments, job)
        check_pipes(job.inputs)
        _make(arguments, job, arguments.output, harmonizer)
        return
    jobs = list(find_jobs(arguments))
    check_names(arguments, jobs)
    failed = sum(not _attempt(arguments, job, harmonizer) for job in jobs)
    say(f"Made: {len(jobs) - failed:,}. Failed: {failed:,}.")
    if failed:
        raise CdtnetError(f"{some(failed, 'picture')} could not be made.")


def _attempt(arguments: argparse.Namespace, job: Job, harmonizer: Callable[[], Harmonizer]) -> bool:
    """Make one picture of several, and return whether it succeeded."""
    try:
        _make(arguments, job, arguments.output, harmonizer)
    except CdtnetError as error:
        say(f"Failed: {', '.join(job.foregrounds)} on {job.background}: {error}")
        return False
    return True


def _check(arguments: argparse.Namespace) -> None:
    if arguments.no_harmonize and arguments.record:
        raise PictureError(
            "A record describes how a picture was harmonized; leave out --record or --no-harmonize."
        )
    if arguments.no_harmonize and (arguments.layer or arguments.layers):
        raise PictureError("A layer is the harmonized foreground; leave out --layer or --no-harmonize.")
    if arguments.mask and arguments.cut_out:
        raise PictureError("--cut-out finds the mask; leave out --mask or --cut-out.")
    for option in ("snap_mask", "invert_mask"):
        if getattr(arguments, option) and not (arguments.mask or arguments.cut_out):
            flag = f"--{option.replace('_', '-')}"
            raise PictureError(f"{flag} changes a mask; give one with --mask, or leave out {flag}.")
    if arguments.mask and len(arguments.pictures) > 2:
        raise PictureError("--mask belongs to one foreground; give cut-outs with transparency instead.")


def _check_layers(arguments: argparse.Namespace, job: Job) -> None:
    """Check that layers are requested from files that have them, and for one foreground."""
    layered = is_layered(job.foregrounds[0])
    if job.background is None and not layered:
        raise PictureError(
            "Give a background; only PSD and OpenRaster files contain one, below their highest layer."
        )
    if arguments.layer_name and not layered:
        raise PictureError("Only PSD and OpenRaster files have named layers; leave out --layer-name.")
    wanted = arguments.layer or arguments.layers or is_layered(arguments.output or "")
    if wanted and len(job.foregrounds) > 1:
        raise PictureError("Layers can be written for one foreground only; paste the others first.")


def _change(arguments: argparse.Namespace) -> str:
    return "composite" if arguments.no_harmonize else "harmonized"


def _make(
    arguments: argparse.Namespace, job: Job, output: str | None, harmonizer: Callable[[], Harmonizer]
) -> None:
    """Make one picture from its files and write it."""
    from ..imaging import Picture
    from ..inference.pieces import harmonize_pieces, mask_of, paste
    from ..inference.pipeline import layers_of

    pieces, background = _read(arguments, job)
    pasted = paste(pieces, background)
    composite = pasted[-1].composite
    beneath = job.background or job.foregrounds[0]
    added = job.name(_change(arguments)) if job.background else _change(arguments)
    name = beside(beneath, background.metadata.format, added)
    if output and os.path.isdir(output):
        name = str(Path(output) / Path(name).name)
    elif output:
        name = output
    target = Output.prepare(name, composite, job.inputs, arguments)
    wanted = [
        (arguments.mask_output, Picture(mask_of(pasted)[..., None])),
        (arguments.composite_output, composite),
    ]
    extras = [(file, picture) for file, picture in wanted if file is not None]
    for file, picture in extras:
        Output.prepare(file, picture, job.inputs, arguments)
    alone = Output.prepare_layer(composite, job.inputs, arguments)
    check_apart([name, *(file for file, _ in extras), *([alone.name] if alone else [])])
    image, stack = composite, None
    if not arguments.no_harmonize:
        loaded = harmonizer()
        with stoppable_bar("harmonizing") as progress:
            result = harmonize_pieces(
                loaded,
                pieces,
                pasted[0],
                _options(arguments),
                keep=target.layered or alone is not None,
                record=_record(arguments, job),
                progress=progress,
            )
        image, stack = result.image, partial(layers_of, result, background, pasted[0].layer)
        if alone:
            save(result.layer, alone.name, alone.quality)
    for file, picture in extras:
        save(picture, file, arguments.quality)
    target.write(image, stack)


def _options(arguments: argparse.Namespace) -> Options:
    """Return the options for harmonizing; edits of masks were already applied to the foreground's."""
    return options_of(arguments).but(snap_mask=False, invert_mask=False, grow=0, feather=0.0)


def _read(arguments: argparse.Namespace, job: Job) -> tuple[list[Piece], Picture]:
    """Return the prepared pieces, and the background."""
    from ..imaging.layered import read_layers
    from ..imaging.layers import cropped

    if not is_layered(job.foregrounds[0]):
        names = [*job.foregrounds, *job.masks, str(job.background)]
        *pictures, background = read_inputs(*names, chosen=len(names) - 1, **reading(arguments))
        return _pieces(arguments, job, pictures), background
    foreground, below = read_layers(job.foregrounds[0], arguments.layer_name)
    masks = read_inputs(*job.masks)
    if job.background is None:
        arguments.at = arguments.at or [(0.0, 0.0)]
        return _pieces(arguments, job, [foreground, *masks]), below
    (background,) = read_inputs(job.background, **reading(arguments))
    return _pieces(arguments, job, [cropped(foreground), *masks]), background


def _pieces(arguments: argparse.Namespace, job: Job, pictures: Sequence[Picture]) -> list[Piece]:
    """Make the pieces from the foregrounds and their masks."""
    from ..imaging.composition import compose

    count = len(job.foregrounds)
    given = {name: _each(arguments, name, count) for name in ("at", "scale", "rotate")}
    masks: list[Any] = [*pictures[count:], *[None] * (count - len(job.masks))]
    pieces: list[Piece] = []
    for k, (picture, mask) in enumerate(zip(pictures, masks, strict=False)):
        placed = {name: values[k] for name, values in given.items() if values}
        foreground, mask = _prepared(arguments, picture, mask)
        how = {**placed, "flip": arguments.flip, "resize_mask": arguments.resize_mask}
        pieces.append(partial(compose, foreground, mask=mask, **how))
    return pieces


def _each(arguments: argparse.Namespace, name: str, count: int) -> list[Any]:
    """Return an option's values, one per foreground; an empty list if it was not given."""
    values = getattr(arguments, name) or []
    if len(values) not in (0, 1, count):
        raise PictureError(
            f"--{name} was given {len(values)} times for {some(count, 'foreground')}; give it once for all, "
            "or once for each."
        )
    return values * count if len(values) == 1 else values


def _prepared(arguments: argparse.Namespace, picture: Picture, mask: Any) -> tuple[Picture, Any]:
    """Return the foreground, cut out and with edited edges as requested, and its mask, or None."""
    from ..imaging.cutting import cut_out, is_transparent
    from ..imaging.edges import invert_mask
    from ..imaging.masks import to_mask

    if arguments.invert_mask and mask is not None:
        size = picture.height, picture.width
        mask = invert_mask(to_mask(mask, *size, resize=arguments.resize_mask))
    edge = {name: getattr(arguments, name) for name in ("snap_mask", "grow", "feather", "defringe")}
    if not (arguments.cut_out or any(edge.values())):
        return picture, mask
    if mask is None and not arguments.cut_out and not is_transparent(picture):
        raise PictureError(
            "The foreground has no transparency and therefore no edge; give its mask with --mask, or cut its "
            "object out with --cut-out."
        )
    return cut_out(
        picture, mask, finder=finder_of(arguments), resize_mask=arguments.resize_mask, **edge
    ), None


def _record(arguments: argparse.Namespace, job: Job) -> bool | dict[str, object]:
    from ..inference.provenance import identity

    record = record_of(arguments, background=job.background, foreground_mask=next(iter(job.masks), None))
    if not isinstance(record, dict):
        return record
    files = [identity(name) for name in job.foregrounds if name != "-"]
    placed = {name: _each(arguments, name, len(job.foregrounds)) for name in ("at", "scale", "rotate")}
    if len(job.foregrounds) == 1:
        usual = {"at": None, "scale": 1.0, "rotate": 0.0}
        record.update({name: values[0] if values else usual[name] for name, values in placed.items()})
    else:
        record.update(placed)
    if files:
        record["foreground"] = files[0] if len(job.foregrounds) == 1 else files
    used = {name: getattr(arguments, name) for name in ("flip", "cut_out", "defringe", "grow", "feather")}
    record.update({name: value for name, value in used.items() if value}, snap_mask=arguments.snap_mask)
    return record


def _place(text: str) -> tuple[float, float]:
    """Parse X,Y for argparse."""
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a position such as 120,80") from None
    return x, y
