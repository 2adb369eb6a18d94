"""Train a network: `python -m cdtnet.training cdtnet-256 --photos PHOTOS --masks MASKS --run RUN`."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from ..data.photos import find_photos
from ..errors import CdtnetError, DataError
from .checkpoint import averaged_weights
from .stages import HELD_OUT, PLANS
from .trainer import Trainer


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m cdtnet.training", description=__doc__)
    parser.add_argument("plan", choices=PLANS)
    parser.add_argument("--photos", type=Path, required=True, help="folder of <source>/<name>.jpg")
    parser.add_argument("--masks", type=Path, help="folder of <source>/<name>.png, white = object")
    parser.add_argument("--run", type=Path, required=True, help="folder to write to, and to go on from")
    parser.add_argument("--held-out", nargs="+", default=HELD_OUT, help="sources kept for validation")
    parser.add_argument(
        "--initial", type=Path, help="run folder of a trained generator, which is then left as it is"
    )
    parser.add_argument("--budget", type=float, default=1.0, help="multiplies every stage's samples")
    parser.add_argument("--minutes", type=float, help="stop after so long; start again to go on")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    try:
        train(arguments)
    except CdtnetError as error:
        parser.exit(1, f"{error}\n")


def train(arguments: argparse.Namespace) -> None:
    """Train as the command line says."""
    plan = PLANS[arguments.plan]
    initial = averaged_weights(arguments.initial) if arguments.initial else None
    stages = [
        replace(stage, samples=int(stage.samples * arguments.budget))
        for stage in plan.stages
        if initial is None or stage.part != "generator"
    ]
    photos = find_photos(arguments.photos, arguments.masks)
    held_out = [photo for photo in photos if photo.source in arguments.held_out]
    rest = [photo for photo in photos if photo.source not in arguments.held_out]
    if not held_out or not rest:
        raise DataError(
            f"Training and validation need sources of their own: with --held-out, name some but not all of "
            f"{', '.join(sorted({photo.source for photo in photos}))}."
        )
    device = torch.device(arguments.device)
    trainer = Trainer(replace(plan, stages=stages), rest, held_out, arguments.run, device, initial)
    trainer.run(minutes=arguments.minutes)


if __name__ == "__main__":
    main()
