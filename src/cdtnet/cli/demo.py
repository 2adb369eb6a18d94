"""`cdtnet demo`: harmonize the example photo of the package."""

import argparse
from pathlib import Path

from ..system.atomic import make_folder
from .options import add_model_options, runtime, say, stoppable_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("cdtnet-demo"),
        help="folder to write to (default: %(default)s)",
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write `harmonized.jpg` and `before_after.jpg`; print the path of the latter to stdout."""
    import numpy as np

    from ..imaging import read_picture
    from ..inference.harmonizer import Harmonizer

    make_folder(arguments.output)
    shipped = Path(__file__).parents[1] / "demo"
    composite = read_picture(shipped / "composite.jpg")
    with stoppable_bar("harmonizing") as progress:
        harmonized = (
            Harmonizer(arguments.model, **runtime(arguments))(
                composite, shipped / "mask.png", strength=arguments.strength, progress=progress
            )
        ).image
    harmonized.save(arguments.output / "harmonized.jpg")
    gap = np.full((composite.height, 24, 3), 255, np.uint8)
    both = composite.replace_pixels(np.concatenate((composite.pixels, gap, harmonized.pixels), axis=1))
    both.save(arguments.output / "before_after.jpg", quality=90)
    say("Before and after, side by side; photo credits: cdtnet/demo/CREDITS.md")
    print(arguments.output / "before_after.jpg")
