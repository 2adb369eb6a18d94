"""`cdtnet video`: harmonize the foreground of a video without flicker."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PictureError
from ..inference.controls import WORDS
from .options import (
    add_apply_anyway,
    add_control_options,
    add_model_options,
    count,
    runtime,
    say,
    some,
    stoppable_bar,
)
from .outputs import check_apart, prepare_output

if TYPE_CHECKING:
    from ..inference.options import Options
    from ..video.shots import Shot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add = parser.add_argument
    add(
        "clip",
        metavar="COMPOSITE",
        help="video file or sequence such as shot.%%04d.png; with --mask the foreground",
    )
    add("other", metavar="MASK", help="matte, white = foreground; with --mask the background to paste on")
    add("--mask", metavar="MATTE", help="matte of the foreground, or alpha for its alpha channel")
    add("-o", "--output", required=True, help="video file (.mkv .mp4 .mov .webm) or sequence to write")
    add("--codec", choices=("h264", "h265", "av1", "prores", "ffv1"), help="default: by the output's suffix")
    add("--quality", type=int, metavar="N", help="quality on the scale of the codec; lower is better")
    add("--rate", type=_rate, help="frames per second of sequences, such as 24 or 24000/1001 (default: 25)")
    add(
        "--cuts",
        type=_cuts,
        metavar="N,N,…",
        help="indices, from 0, of frames that begin a shot (default: detected); none for one shot",
    )
    add(
        "--cube",
        metavar="FILE",
        help="also write the table of each shot, as FILE, or as FILE with the number of the shot",
    )
    add_model_options(parser)
    add_control_options(parser)
    add_apply_anyway(parser)
    add("--resize-mask", action="store_true", help="accept a matte of another size")


def run(arguments: argparse.Namespace) -> None:
    """Harmonize the video; print the paths written to stdout."""
    from ..inference.harmonizer import Harmonizer
    from ..video.harmonizing import harmonize_video
    from ..video.stills import is_sequence

    background, mask = (arguments.other, arguments.mask) if arguments.mask else (None, arguments.other)
    inputs = [each for each in (arguments.clip, arguments.other, arguments.mask) if each]
    if not is_sequence(arguments.output):
        prepare_output(arguments.output, [*inputs, arguments.model])
    if arguments.cube:
        _prepare_cube(arguments, inputs)
    harmonizer = Harmonizer(arguments.model, **runtime(arguments))
    with stoppable_bar("harmonizing", "frames") as progress:
        result = harmonize_video(
            arguments.clip,
            mask,
            arguments.output,
            _options(arguments),
            background=background,
            model=harmonizer,
            codec=arguments.codec,
            quality=arguments.quality,
            rate=arguments.rate,
            cuts=arguments.cuts,
            progress=progress,
        )
    say(f"{some(result.frames, 'frame')} in {some(len(result.shots), 'shot')}.")
    print(result.output)
    if arguments.cube:
        write_cubes(Path(arguments.cube), result.shots)


def _options(arguments: argparse.Namespace) -> Options:
    from ..inference.options import Options

    steering = {word: getattr(arguments, word) for word in WORDS}
    return Options().but(**steering, resize_mask=arguments.resize_mask, apply_anyway=arguments.apply_anyway)


def _prepare_cube(arguments: argparse.Namespace, inputs: list[str]) -> None:
    from ..imaging.cube import check_name

    check_name(arguments.cube)
    prepare_output(arguments.cube, [*inputs, arguments.model])
    check_apart([arguments.output, arguments.cube])


def write_cubes(path: Path, shots: tuple[Shot, ...], size: int | None = None) -> None:
    """Write the table of each shot; if there are several shots, each name gets the shot's number.

    Raises:
        PictureError: No shot has a table.
    """
    if not any(shot.lut for shot in shots):
        raise PictureError("There is no table: the model has none, or the matte is black everywhere.")
    for number, shot in enumerate(shots, start=1):
        name = path if len(shots) == 1 else path.with_stem(f"{path.stem}_{number}")
        if shot.lut is None:
            say(f"Shot {number} has no foreground and therefore no table.")
            continue
        shot.lut.resized(size or shot.lut.size).save(name)
        print(name)


def _rate(text: str) -> Fraction:
    """Parse a frame rate in frames per second, for argparse."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of frames per second, such as 24 or 24000/1001"
        )
    return rate


def _cuts(text: str) -> list[int]:
    """Parse indices of frames, for argparse; "none" gives an empty list."""
    return [] if text == "none" else [count(part) for part in text.split(",")]
