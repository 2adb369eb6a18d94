"""`cdtnet study`: ask people which of two results looks more real, and score their answers."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import DataError, needs
from ..system.progress import bar
from .options import add_page_options, say
from .outputs import prepare_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's two actions and their arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="show pairs of pictures in the browser, and store the answers")
    serve.add_argument(
        "--pictures",
        metavar="METHOD=FOLDER",
        type=_method,
        nargs="+",
        required=True,
        help="folder of results of each method, with the same stems in all folders",
    )
    serve.add_argument(
        "--composites", metavar="FOLDER", type=Path, help="composites, for a button that shows them"
    )
    serve.add_argument(
        "--masks", metavar="FOLDER", type=Path, help="masks, for a button that marks the object"
    )
    serve.add_argument(
        "--answers",
        metavar="FILE.jsonl",
        type=Path,
        required=True,
        help="file of the answers; resumed if it exists",
    )
    serve.add_argument(
        "--pairs", type=int, default=50, help="different pairs per participant (default: %(default)s)"
    )
    serve.add_argument(
        "--repeat-share",
        type=float,
        default=0.1,
        help="share of pairs shown again with sides exchanged (default: %(default)s)",
    )
    serve.add_argument(
        "--longest-side",
        type=int,
        default=2048,
        help="longest side in pixels; larger pictures are reduced (default: %(default)s)",
    )
    add_page_options(serve, port=8090)
    serve.set_defaults(action=_serve)
    score = actions.add_parser("score", help="print Bradley-Terry scores, wins and consistency")
    score.add_argument("answers", metavar="FILE.jsonl", type=Path)
    score.add_argument("--json", metavar="FILE", type=Path, help="also write all numbers as JSON")
    score.add_argument(
        "--plot", metavar="FILE", type=Path, help="also draw scores and intervals: .png, .svg or .pdf"
    )
    score.set_defaults(action=_score)


def run(arguments: argparse.Namespace) -> None:
    """Run the action."""
    arguments.action(arguments)


def _serve(arguments: argparse.Namespace) -> None:
    """Prepare the pictures, print the address, and serve until interrupted."""
    import secrets
    import signal
    from tempfile import TemporaryDirectory

    from ..study.design import Design
    from ..study.pictures import find_pictures, make_screen_copies
    from ..study.session import Study

    with needs("study", "The study's server"):
        from ..study.server import make_app
        from ..web.hosting import address, listen, serve
    folders = dict(arguments.pictures)
    if len(folders) < len(arguments.pictures):
        raise DataError("Two methods have the same name; give them different names.")
    gallery = find_pictures(folders, arguments.composites, arguments.masks)
    seed = secrets.randbits(64)
    design = Design(tuple(sorted(folders)), gallery.stems, arguments.pairs, arguments.repeat_share, seed)
    with (
        TemporaryDirectory(prefix="cdtnet-study-") as folder,
        listen(arguments.host, arguments.port) as listener,
    ):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the copies are removed
        copies = make_screen_copies(gallery, Path(folder), arguments.longest_side, _progress)
        study = Study(design, arguments.answers)
        print(address(arguments.host, listener), flush=True)
        say(f"{len(design.plan(0))} questions per participant, answers in {arguments.answers}; Ctrl-C stops.")
        serve(make_app(study, copies, [arguments.host, *arguments.name]), listener)


def _score(arguments: argparse.Namespace) -> None:
    """Print the scores to stdout and warnings to stderr."""
    from ..study.report import describe, write_json, write_plot
    from ..study.summary import summarize

    for path in filter(None, (arguments.json, arguments.plot)):
        prepare_output(path, [arguments.answers])
    summary = summarize(arguments.answers)
    print(describe(summary))
    for problem in summary.problems:
        say(problem)
    if arguments.json:
        write_json(summary, arguments.json)
    if arguments.plot:
        write_plot(summary, arguments.plot)


def _method(text: str) -> tuple[str, Path]:
    method, separator, folder = text.partition("=")
    if not (method and separator and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not METHOD=FOLDER")
    return method, Path(folder)


def _progress(copies: Iterable[Any], count: int) -> Iterable[Any]:
    return bar(copies, description="preparing", unit="pictures", total=count)
