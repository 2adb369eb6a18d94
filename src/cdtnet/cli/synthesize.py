"""`cdtnet synthesize`: make a data set of composites from your own pictures."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import needs
from ..system.machine import available_cores
from ..system.progress import bar
from .options import count, number, say, some

if TYPE_CHECKING:
    from ..synthesize.build import Built
    from ..synthesize.tasks import Task

    Plan: TypeAlias = tuple[Sequence[Task], list[str]]  # tasks, and messages to print before


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the modes and their arguments."""
    modes = parser.add_subparsers(title="modes", metavar="MODE", dest="mode", required=True)
    for add_mode in (_add_exchange, _add_recolor, _add_paste):
        mode = add_mode(modes)
        mode.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
        mode.add_argument(
            "--size", type=count, help="longest side of the pictures in pixels (default: unchanged)"
        )
        mode.add_argument("--quality", type=_quality, default=95, help="JPEG quality, 1-100 (default: 95)")
        mode.add_argument("--png", action="store_true", help="write lossless PNG files instead of JPEG")
        mode.add_argument("--workers", type=count, help="number of processes (default: one per core)")
        mode.add_argument(
            "--damaged",
            choices=("skip", "fail"),
            default="skip",
            help="skip sources that cannot be used, or fail (default: %(default)s)",
        )


def _add_exchange(modes: Any) -> argparse.ArgumentParser:
    summary = "exchange foregrounds between retouched versions of a photo"
    parser = _add_mode(modes, "exchange", summary, _plan_exchange, "HExchange")
    help_ = "folder that contains a folder for each version, or one folder for each version"
    parser.add_argument("versions", metavar="VERSIONS", type=Path, nargs="+", help=help_)
    parser.add_argument("--masks", type=Path, required=True, help="folder of masks with the photos' names")
    parser.add_argument("--target", help="version that is the ground truth (default: drawn per photo)")
    parser.add_argument("--per-mask", type=count, help="composites per mask (default: all versions)")
    return parser


def _add_recolor(modes: Any) -> argparse.ArgumentParser:
    parser = _add_mode(modes, "recolor", "recolor the foregrounds of photos", _plan_recolor, "HRecolor")
    help_ = "photos, or a folder of photos/ and masks/"
    parser.add_argument("photos", metavar="PHOTOS", type=Path, help=help_)
    parser.add_argument("--masks", type=Path, help="folder of masks with the photos' paths")
    help_ = "generate a region for photos without a mask"
    parser.add_argument("--generate-masks", action="store_true", help=help_)
    parser.add_argument("--per-mask", type=count, default=1, help="composites per mask (default: 1)")
    return parser


def _add_paste(modes: Any) -> argparse.ArgumentParser:
    parser = _add_mode(modes, "paste", "paste objects onto other photos, without ground truth", _plan_paste)
    parser.add_argument("photos", metavar="PHOTOS", type=Path, help="photos with annotated objects")
    help_ = "COCO instances (.json) or Open Images' segmentations (.csv)"
    parser.add_argument("--annotations", type=Path, required=True, help=help_)
    parser.add_argument("--masks", type=Path, nargs="+", default=(), help="Open Images' mask folders or zips")
    parser.add_argument("--backgrounds", type=Path, help="photos to paste on (default: PHOTOS)")
    parser.add_argument(
        "--per-background", type=count, default=1, help="composites per background (default: 1)"
    )
    return parser


def _add_mode(
    modes: Any,
    name: str,
    summary: str,
    plan: Callable[[argparse.Namespace], Plan],
    subset: str | None = None,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = modes.add_parser(name, help=summary, description=summary)
    parser.set_defaults(plan=plan, name=None)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="ROOT", help="the data set's folder"
    )
    if subset:
        help_ = "name of the sub-set in ROOT (default: %(default)s)"
        parser.add_argument("--name", type=_name, default=subset, help=help_)
        help_ = "share of the photos for tests (default: %(default)s)"
        parser.add_argument("--test-share", type=number(0, 1), default=0.1, help=help_)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Make the data set; print its folder to stdout."""
    from ..synthesize.build import build
    from ..synthesize.contact import write_contact_sheet
    from ..synthesize.lists import split, write_lists, write_sources
    from ..synthesize.tasks import Folder

    path = arguments.output / (arguments.name or "")
    folder = Folder(path, arguments.seed, arguments.size, arguments.quality, arguments.png)
    tasks, notes = arguments.plan(arguments)
    for note in notes:
        say(note)
    try:
        with bar(description="making", unit="photos", total=len(tasks)) as shown:
            built = build(
                tasks,
                folder,
                _options(arguments),
                workers=arguments.workers or available_cores(),
                fail=arguments.damaged == "fail",
                progress=lambda _: shown.update(),
            )
    except KeyboardInterrupt as error:
        say("cdtnet: Interrupted; run the same command to resume.")
        raise SystemExit(130) from error
    usable = [photo.name for photo in built.finished if photo.rows]
    tests = split(usable, arguments.test_share, arguments.seed) if arguments.name else None
    parts = {} if tests is None else write_lists(path, built.finished, tests)
    write_sources(path, built.finished, tests)
    sheet = write_contact_sheet(path, built.finished, arguments.seed)
    _summarize(built, parts, sheet)
    print(arguments.output)


def _plan_exchange(arguments: argparse.Namespace) -> Plan:
    from ..synthesize import exchange, sources

    versions = sources.versions(arguments.versions, arguments.masks)
    masks = sources.pictures(arguments.masks)
    return exchange.plan(versions, masks, arguments.target, arguments.per_mask)


def _plan_recolor(arguments: argparse.Namespace) -> Plan:
    from ..synthesize import sources

    with needs("torch", "Recoloring"):
        import torch  # noqa: F401 – so that its absence is detected before the work starts
    from ..synthesize import recolor

    photos, masks = arguments.photos, arguments.masks
    if masks is None and (photos / "photos").is_dir() and (photos / "masks").is_dir():
        photos, masks = photos / "photos", photos / "masks"
    found, lost = sources.photos_with_masks(photos, masks)
    tasks, notes = recolor.plan(
        found, per_mask=arguments.per_mask, generate=arguments.generate_masks, seed=arguments.seed
    )
    return tasks, [*notes, *sources.describe_lost(lost)]


def _plan_paste(arguments: argparse.Namespace) -> Plan:
    from ..synthesize import instances, paste, sources

    backgrounds, _ = sources.photos_with_masks(arguments.backgrounds or arguments.photos, None)
    objects = instances.read_instances(arguments.annotations, arguments.photos, arguments.masks)
    tasks = paste.plan(backgrounds, objects, per_background=arguments.per_background, seed=arguments.seed)
    return tasks, [f"{some(len(objects), 'object')} found."]


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that determine the contents of the files."""
    names = (
        "mode",
        "seed",
        "size",
        "quality",
        "png",
        "target",
        "per_mask",
        "generate_masks",
        "per_background",
    )
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def _summarize(built: Built, parts: dict[str, int], sheet: Path) -> None:
    for sentence in built.problems:
        say(sentence)
    composites = some(sum(len(photo.rows) for photo in built.finished), "composite")
    photos = some(sum(bool(photo.rows) for photo in built.finished), "photo")
    listed = f": {parts['train']:,} for training, {parts['test']:,} for tests" if parts else ""
    say(f"{composites} of {photos}{listed}. Processed in this run: {some(built.made, 'photo')}.")
    if built.problems:
        say(f"Skipped, see above: {len(built.problems):,}.")
    say(f"Examples: {sheet}")


def _quality(text: str) -> int:
    if count(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer from 1 to 100")
    return int(text)


def _name(text: str) -> str:
    if not text or text.startswith(".") or set(text) & set("/\\\n\r"):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be the name of a folder")
    return text
