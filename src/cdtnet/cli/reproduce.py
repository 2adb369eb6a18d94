"""`cdtnet reproduce`: train and evaluate a published experiment, and compare it with the paper's table."""

import argparse
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .options import say


@dataclass(frozen=True)
class Experiment:
    """An experiment of the paper.

    Attributes:
        recipes: The recipes, trained in order; the last one is evaluated.
        size: The size of the evaluation.
        subsets: The sub-sets of iHarmony4 that are evaluated; empty for all.
    """

    recipes: tuple[str, ...]
    size: int
    subsets: tuple[str, ...] = ()


EXPERIMENTS = {
    "is2am-256": Experiment(("is2am-256",), 256),
    "cdtnet-256-256": Experiment(("is2am-256", "cdtnet-256-256"), 256),
    "cdtnet-256-1024": Experiment(("is2am-256", "cdtnet-256-1024"), 1024, ("HAdobe5k",)),
    "cdtnet-512-2048": Experiment(("is2am-256", "cdtnet-512-2048"), 2048, ("HAdobe5k",)),
    "cdtnet-sim-1024": Experiment(("is2am-256", "cdtnet-sim-1024"), 1024, ("HAdobe5k",)),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add = parser.add_argument
    add("experiment", metavar="EXPERIMENT", choices=EXPERIMENTS, help=", ".join(EXPERIMENTS))
    add("changes", metavar="KEY=VALUE", nargs="*", help="changes to all its recipes")
    add("--data", type=Path, required=True, metavar="IHARMONY4", help="folder, zip or tar of iHarmony4")
    add("--recipes", type=Path, default=Path("recipes"), help="folder of the recipes (default: %(default)s)")
    add("-o", "--output", type=Path, default=Path("runs"), help="folder of the runs (default: %(default)s)")
    add("--minutes", type=float, help="stop training after this time; the same command resumes")
    add("--device", default="auto", help="auto, cpu, cuda (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Train and evaluate what is not done yet; print tables to stdout, and everything else to stderr."""
    if not arguments.recipes.is_dir():
        raise DataError(
            f"There is no folder {arguments.recipes} of recipes; start in a clone of the repository, or give "
            "--recipes."
        )
    experiment = EXPERIMENTS[arguments.experiment]
    for name in experiment.recipes:
        with redirect_stdout(sys.stderr):
            finished = _train(arguments, name)
        if not finished:
            return
    _evaluate(arguments, experiment)


def _train(arguments: argparse.Namespace, name: str) -> bool:
    """Train a recipe, in one or several runs; return whether its end was reached, in the first process."""
    from . import train

    changes = [f"data.root={arguments.data}", *arguments.changes]
    if name != EXPERIMENTS[arguments.experiment].recipes[0]:
        before = EXPERIMENTS[arguments.experiment].recipes[0]
        changes.append(f"initial.generator={arguments.output / before / 'weights.safetensors'}")
    command = [str(arguments.recipes / f"{name}.yaml"), *changes, "--output", str(arguments.output / name)]
    command += ["--device", arguments.device]
    command += [] if arguments.minutes is None else ["--minutes", str(arguments.minutes)]
    say(f"Training {name}.")
    return train.train(_parsed(train.add_arguments, command))


def _evaluate(arguments: argparse.Namespace, experiment: Experiment) -> None:
    """Score the last run as in the paper: the whole frame, at the published size."""
    from . import evaluate

    folder = arguments.output / experiment.recipes[-1]
    command = [str(arguments.data), "--model", str(folder / "weights.safetensors"), "--whole-frame"]
    command += ["--size", str(experiment.size), "--split", "test", "--device", arguments.device]
    command += ["--journal", str(folder / "evaluation.jsonl"), "--json", str(folder / "evaluation.json")]
    command += ["--subsets", *experiment.subsets] if experiment.subsets else []
    say(f"Evaluating {folder}.")
    evaluate.run(_parsed(evaluate.add_arguments, command))


def _parsed(add_arguments: object, command: list[str]) -> argparse.Namespace:
    assert callable(add_arguments)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(command)
