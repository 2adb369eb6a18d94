"""Measure the contribution of each part of CDTNet by training and scoring the recipes in recipes/ablations.

python benchmarks/ablations.py --photos PHOTOS --masks MASKS [--samples 3000]

trains recipes/quarter.yaml, the published experiment at a quarter of its size, and each ablation, a change to
it, in the same way on composites synthesized during training; scores them on photographs of held-out sources;
and writes docs/ablations.md. Complete runs in --runs are not repeated.
"""

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from quality import scored, synthesized

from cdtnet.composites.photos import find_photos, load_photos
from cdtnet.evaluation.methods import load_method
from cdtnet.evaluation.results import Evaluation
from cdtnet.evaluation.running import score_arrays
from cdtnet.evaluation.statistics import Estimate, difference, summarize
from cdtnet.evaluation.table import Table
from cdtnet.model import load_model
from cdtnet.training.distributed import join_processes
from cdtnet.training.log import hushed_writer
from cdtnet.training.recipe import Recipe, load_recipe
from cdtnet.training.trainer import Trainer
from cdtnet.weights import write_weights

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
WHOLE = "cdtnet-256-1024"  # the experiment that each ablation changes
SCALE = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of <source>/<name>.jpg")
    parser.add_argument("--masks", type=Path, help="folder of <source>/<name>.png, white = object")
    parser.add_argument("--samples", type=int, default=3000, help="composites that each is trained on")
    parser.add_argument("--count", type=int, default=200, help="composites that each is scored on")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "ablations")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "ablations.md")
    arguments = parser.parse_args()

    changes = [f"data.photos={arguments.photos}", f"stages.0.samples={arguments.samples}"]
    changes += [f"data.masks={arguments.masks}"] if arguments.masks else []
    recipes = dict(rows(arguments.runs / "recipes", changes))
    with join_processes("auto") as processes, hushed_writer():
        for name, recipe in recipes.items():
            if not (arguments.runs / name / "weights.safetensors").exists():
                print(f"{name}: {recipe.about}", flush=True)
                Trainer(recipe, arguments.runs / name, processes).run()
    evaluation = score(recipes, arguments.runs, arguments.count)
    page = table(evaluation, recipes, arguments.samples, arguments.count).markdown()
    arguments.output.write_text(page, encoding="utf-8")
    print(page)


def rows(folder: Path, changes: list[str]) -> Iterator[tuple[str, Recipe]]:
    """Yield the name and recipe of the whole experiment and of each ablation, a change to `quarter.yaml`."""
    shutil.copytree(RECIPES / "ablations", folder / "ablations", dirs_exist_ok=True)
    shutil.copy(RECIPES / "quarter.yaml", folder / f"{WHOLE}.yaml")
    for path in (folder / f"{WHOLE}.yaml", *sorted((folder / "ablations").glob("*.yaml"))):
        original = load_recipe(RECIPES / path.relative_to(folder))
        yield path.stem, load_recipe(path, [*changes, f"model.base_size={original.model.base_size // SCALE}"])


def score(recipes: dict[str, Recipe], runs: Path, count: int) -> Evaluation:
    """Score all recipes on the same composites of held-out photographs."""
    whole = recipes[WHOLE]
    assert whole.data.kind == "photos"
    size = whole.stages[0].size
    photos = find_photos(whole.data.photos, whole.data.masks, whole.data.held_out)
    methods = {name: load_method(trained(runs / name, recipe), "cpu") for name, recipe in recipes.items()}
    entries = []
    for source, arrays in synthesized(load_photos(photos, size), photos, count, size):
        entries.append(score_arrays(methods, "", source, arrays))
    return scored(entries, methods, size)


def trained(run: Path, recipe: Recipe) -> str:
    """Return the weights of a run, without the refinement if it was not trained."""
    weights = run / "weights.safetensors"
    if recipe.model.variant == "cdtnet" and "refinement" not in recipe.stages[0].trains:
        model, weights = load_model(weights), run / "cdtnet-sim.safetensors"
        model.refinement, model.config = None, replace(model.config, variant="cdtnet-sim")
        write_weights(weights, model, {})
    return str(weights)


def table(evaluation: Evaluation, recipes: dict[str, Recipe], samples: int, count: int) -> Table:
    """Return a table with a row for each recipe; differences are paired, on the same composites."""
    summary = summarize(evaluation)
    body = []
    for name, recipe in recipes.items():
        scores = summary[name]
        fmse, psnr = (difference(evaluation, name, WHOLE, metric) for metric in ("fmse", "psnr"))
        body.append(
            [
                f"{name}: {recipe.about}",
                f"{100 * scores['fmse_left'].value:.1f} %",
                f"{scores['psnr'].value:.2f} dB",
                f"{100 * scores['worse'].value:.0f} %",
                "–" if name == WHOLE else _apart(fmse, "+.1f"),
                "–" if name == WHOLE else _apart(psnr, "+.2f"),
            ]
        )
    stage = recipes[WHOLE].stages[0]
    title = (
        "# Ablations\n\n"
        f"{len(evaluation.composites)} composites of held-out sources, {stage.size}×{stage.size}. "
        f"Each row was trained on {samples:,} others, with the shipped generator. "
        f"{evaluation.date}, {evaluation.hardware}. "
        "Differences to the first row are paired, with 95 % bootstrap intervals.\n\n"
        f"    python benchmarks/ablations.py --photos PHOTOS --masks MASKS --samples {samples} "
        f"--count {count}"
    )
    return Table(title, ["", "fMSE left", "PSNR", "made worse", "fMSE", "PSNR, dB"], body)


def _apart(estimate: Estimate, form: str) -> str:
    return f"{estimate.value:{form}}\n{estimate.low:{form}} to {estimate.high:{form}}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
