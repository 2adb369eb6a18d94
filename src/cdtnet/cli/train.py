"""`cdtnet train`: train a network by a recipe; the same command resumes an interrupted run."""

import argparse
import time
from pathlib import Path

from ..errors import needs
from ..system.signals import StopSignal
from .options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "recipe", metavar="RECIPE", type=Path, help="YAML file, such as recipes/is2am-256.yaml"
    )
    parser.add_argument(
        "changes", metavar="KEY=VALUE", nargs="*", help="changes to the recipe, such as data.root=iHarmony4"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="folder of the run, which is resumed if it exists (default: runs/RECIPE)",
    )
    parser.add_argument("--minutes", type=float, help="stop after this time; the same command resumes")
    parser.add_argument(
        "--save-every",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="seconds between checkpoints (default: 120)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Train; print the path of the weights to stdout."""
    train(arguments)


def train(arguments: argparse.Namespace) -> bool:
    """Train, and return whether the end was reached, in the first process."""
    with needs("train", "Training"):
        from ..training.distributed import join_processes
        from ..training.log import hushed_writer
        from ..training.recipe import load_recipe
        from ..training.trainer import Trainer
    recipe = load_recipe(arguments.recipe, arguments.changes)
    deadline = time.monotonic() + 60 * (float("inf") if arguments.minutes is None else arguments.minutes)
    folder = arguments.output or Path("runs") / arguments.recipe.stem
    with join_processes(arguments.device) as processes, hushed_writer(), StopSignal() as signal:
        trainer = Trainer(recipe, folder, processes)
        finished = trainer.run(
            save_every=arguments.save_every, stopped=lambda: signal.received or time.monotonic() > deadline
        )
    if not processes.first:
        return False
    best = trainer.best
    if best.samples or finished:
        say(f"Best {best.name}: {best.value:.4g}, after {best.samples:,} samples; see {folder / 'log.csv'}.")
    if finished:
        print(folder / "weights.safetensors")
    else:
        say(f"Stopped after {trainer.samples:,} samples; run the same command to resume.")
        say(f"The weights so far are in {folder / 'weights.safetensors'}.")
        if signal.received:
            raise SystemExit(130)
    return finished
