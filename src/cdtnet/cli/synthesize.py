"""`cdtnet synthesize`: make a data set of composites from your own pictures."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import _fraction, say

if TYPE_CHECKING:
    from ..synthesize.build import Built
    from ..synthesize.tasks import Finished, Task


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A mode, and its arguments."""
    modes = parser.add_subparsers(title="modes", metavar="MODE", dest="mode", required=True)
    exchange = _mode(modes, "exchange", "exchange foregrounds between retouched versions of a photo")
    exchange.add_argument(
        "versions",
        metavar="VERSIONS",
        type=Path,
        nargs="+",
        help="a folder with a folder for each version, or one for each",
    )
    exchange.add_argument("--masks", type=Path, required=True, help="masks with the photos' names")
    exchange.add_argument("--target", help="version that is the ground truth (default: drawn for each photo)")
    exchange.add_argument("--per-mask", type=_count, help="composites for each mask (default: all versions)")
    recolor = _mode(modes, "recolor", "recolour the foregrounds of photos")
    recolor.add_argument(
        "photos", metavar="PHOTOS", type=Path, help="photos, or a folder of photos/ and masks/"
    )
    recolor.add_argument("--masks", type=Path, help="masks with the photos' names, at the same paths")
    recolor.add_argument(
        "--generate-masks", action="store_true", help="make up a region for photos without mask"
    )
    recolor.add_argument("--per-mask", type=_count, default=1, help="composites for each mask (default: 1)")
    paste = _mode(modes, "paste", "paste objects onto other photos, without ground truth")
    paste.add_argument("photos", metavar="PHOTOS", type=Path, help="photos with annotated objects")
    paste.add_argument(
        "--annotations", type=Path, required=True, help="COCO instances (.json) or Open Images' (.csv)"
    )
    paste.add_argument("--masks", type=Path, nargs="+", default=(), help="Open Images' mask folders or zips")
    paste.add_argument("--backgrounds", type=Path, help="photos to paste on (default: PHOTOS)")
    paste.add_argument("--per-background", type=_count, default=1, help="composites for each (default: 1)")


def _mode(modes: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = modes.add_parser(name, help=summary, description=summary)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="ROOT", help="folder of data sets"
    )
    if name != "paste":
        default = {"exchange": "HExchange", "recolor": "HRecolor"}[name]
        parser.add_argument(
            "--name", type=_name, default=default, help="of the sub-set in it (default: %(default)s)"
        )
        parser.add_argument(
            "--test-share", type=_fraction, default=0.1, help="of the photos, for tests (default: 0.1)"
        )
    parser.add_argument("--seed", type=int, default=0, help="of all randomness (default: 0)")
    parser.add_argument("--size", type=_count, help="longest side of the pictures (default: as they are)")
    parser.add_argument("--quality", type=_quality, default=95, help="of the JPEG files, 1-100 (default: 95)")
    parser.add_argument("--png", action="store_true", help="write PNG files, without loss, instead of JPEG")
    parser.add_argument("--workers", type=_count, help="processes (default: one for each core)")
    parser.add_argument(
        "--damaged",
        choices=("skip", "fail"),
        default="skip",
        help="what to do with sources that cannot be used (default: %(default)s)",
    )
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Make the data set; its folder is the one line on stdout."""
    from ..synthesize.build import build
    from ..synthesize.contact import write_contact_sheet
    from ..synthesize.lists import split, write_lists, write_sources
    from ..synthesize.tasks import Folder

    triplets = arguments.mode != "paste"
    path = arguments.output / arguments.name if triplets else arguments.output
    folder = Folder(path, arguments.seed, arguments.size, arguments.quality, arguments.png)
    tasks = _plan(arguments)
    try:
        with _progress_bar(len(tasks)) as progress:
            built = build(
                tasks,
                folder,
                _options(arguments),
                workers=arguments.workers or _cores(),
                fail=arguments.damaged == "fail",
                progress=progress,
            )
    except KeyboardInterrupt as error:
        say("cdtnet: Interrupted; the same command goes on.")
        raise SystemExit(130) from error
    usable = [photo.name for photo in built.finished if photo.rows]
    tests = split(usable, arguments.test_share, arguments.seed) if triplets else None
    parts = write_lists(path, built.finished, tests) if tests is not None else {}
    write_sources(path, built.finished, tests)
    sheet = write_contact_sheet(path, built.finished, arguments.seed)
    _summarize(built, parts, sheet)
    print(arguments.output)


def _plan(arguments: argparse.Namespace) -> Sequence[Task]:
    """The tasks of a mode; what cannot be used is said."""
    from ..synthesize import exchange, paste, recolor, sources
    from ..synthesize.instances import read_instances

    tasks: Sequence[Task]
    if arguments.mode == "exchange":
        versions, masks = sources.versions(arguments.versions), sources.pictures(arguments.masks)
        tasks, notes = exchange.plan(versions, masks, arguments.target, arguments.per_mask)
    elif arguments.mode == "recolor":
        photos, masks_of = arguments.photos, arguments.masks
        if masks_of is None and (photos / "photos").is_dir() and (photos / "masks").is_dir():
            photos, masks_of = photos / "photos", photos / "masks"
        found, lost = sources.photos_with_masks(photos, masks_of)
        generate, seed = arguments.generate_masks, arguments.seed
        tasks, notes = recolor.plan(found, per_mask=arguments.per_mask, generate=generate, seed=seed)
        notes += [f"{len(lost)} masks belong to no photo, such as {lost[0]}."] if lost else []
    else:
        backgrounds, _ = sources.photos_with_masks(arguments.backgrounds or arguments.photos, None)
        instances = read_instances(arguments.annotations, arguments.photos, arguments.masks)
        notes = [f"{len(instances):,} objects to choose from."]
        per_background = arguments.per_background
        tasks = paste.plan(backgrounds, instances, per_background=per_background, seed=arguments.seed)
    for note in notes:
        say(note)
    return tasks


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What decides on the files' content."""
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


@contextmanager
def _progress_bar(photos: int) -> Iterator[Callable[[Finished], None]]:
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    with tqdm(desc="making", total=photos, unit=" photos", delay=1.0, disable=hidden, leave=False) as bar:

        def progress(finished: Finished) -> None:
            bar.update()

        yield progress


def _summarize(built: Built, parts: dict[str, int], sheet: Path) -> None:
    for sentence in built.problems:
        say(sentence)
    count = sum(len(photo.rows) for photo in built.finished)
    photos = sum(bool(photo.rows) for photo in built.finished)
    listed = f": {parts['train']:,} for training, {parts['test']:,} for tests" if parts else ""
    say(f"{count:,} composites of {photos:,} photos{listed}; {built.made:,} photos were worked on this time.")
    if built.problems:
        say(f"Left out, see above: {len(built.problems):,}.")
    say(f"Examples: {sheet}")


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _quality(text: str) -> int:
    if _count(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return int(text)


def _name(text: str) -> str:
    if not text or text.startswith(".") or set(text) & set("/\\\n\r"):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be the name of a folder")
    return text
