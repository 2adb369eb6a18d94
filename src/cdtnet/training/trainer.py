"""The training loop: stages in order, interruptible at any time."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ..composites.synthesis import Triplet
from ..errors import DataError, WriteError
from ..imaging.geometry import Window
from ..model import CDTNet
from ..system.atomic import make_folder, remove_leftovers, write_file
from ..weights import write_weights
from .checkpoint import check_numbers, check_same_recipe, load_checkpoint, restore, save_checkpoint
from .descent import Descent
from .distributed import Processes
from .feeds import WorkerLostError, ignore_further_losses, is_worker_lost, open_feed
from .initial import build_model
from .log import Listener, Log
from .recipe import Recipe, Stage
from .validation import paint, validate

VALIDATIONS = 10  # per stage
PATIENCE = 0.5  # seconds


class Trainer:
    """Trains a network by a recipe, in a run folder.

    The folder contains `recipe.yaml` (all that the run depends on), `checkpoint.pt` (everything needed to
    resume), `log.csv`, `steps.csv` and TensorBoard events, `best.safetensors`, and `weights.safetensors` at
    every stop. A run that is started again in the same folder resumes at its checkpoint, and ends with the
    weights of an uninterrupted run.

    Args:
        recipe: The recipe.
        folder: The folder of the run.
        processes: The processes of the run, and the device of this one.
        listeners: Called with all logged values, for loggers of other packages.
    """

    def __init__(
        self, recipe: Recipe, folder: Path, processes: Processes, listeners: Sequence[Listener] = ()
    ):
        self.recipe, self.folder, self.processes = recipe, folder, processes
        for stage in recipe.stages:
            if stage.part % processes.count:
                raise DataError(
                    f"{stage.part} pictures, a part of a batch, cannot be divided among {processes.count} "
                    "processes; choose another batch."
                )
        self.feed = open_feed(recipe.data, recipe.seed, processes)
        self.model = build_model(recipe).to(processes.device).channels_last()
        self.averaged: AveragedModel | None = None
        self.stage = self.step = self.samples = 0
        self.measured, self.gradient = False, float("nan")  # whether to measure the gradient's norm; the norm
        make_folder(folder)
        self.best = Best(recipe.watch.best)
        self.log = Log(folder, listeners) if processes.first else None
        if processes.first:
            remove_leftovers(folder.iterdir())

    def run(self, *, save_every: float = 120.0, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Train to the end of the recipe.

        Args:
            save_every: Seconds between checkpoints.
            stopped: Returns whether to stop; called after each step.

        Returns:
            Whether the end was reached; if not, the run can be resumed.
        """
        checkpoint = self.folder / "checkpoint.pt"
        resumed = load_checkpoint(checkpoint) if checkpoint.exists() else None
        if resumed:
            check_same_recipe(resumed["recipe"], self.recipe, self.folder)
            self.stage, self.step, self.samples = resumed["stage"], resumed["step"], resumed["samples"]
            self.best = Best(self.recipe.watch.best, **resumed.get("best", {}))
        elif self.processes.first:
            content = yaml.safe_dump(self.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
            write_file(self.folder / "recipe.yaml", content.encode())
        self.processes.wait()  # until all have read it
        for stage in self.recipe.stages[self.stage :]:
            descent = self._prepare(stage)
            if resumed:
                restore(self.model, resumed["model"], self.model)
                descent.load_state_dict(resumed["optimizer"])
                if self.averaged is not None:
                    restore(self.averaged, resumed["averaged"], self.model)
                resumed = None
            try:
                ended = self._run_stage(stage, descent, stopped, save_every)
            except RuntimeError as error:
                if is_worker_lost(error):  # in the middle of a step, which is not saved
                    ignore_further_losses()
                    raise WorkerLostError from error
                raise
            if not ended:
                self._write_weights("so far")
                return False
            self.model.load_state_dict(self.usable.state_dict())
            self.stage, self.step, self.averaged = self.stage + 1, 0, None
            self.best.since = 0
        self._write_weights()
        return True

    def _write_weights(self, remark: str = "", name: str = "weights") -> None:
        """Write the usable weights; a remark is appended to their number of samples in the card."""
        if self.processes.first:
            samples = " ".join(part for part in (f"{self.samples:,} samples", remark) if part)
            card = {"training": f"{self.recipe.about} {samples}."}
            one_of_many = name.startswith("weights-")  # ranges take seconds, and can be added to any of them
            write_weights(self.folder / f"{name}.safetensors", self.usable, card, ranges=not one_of_many)

    def _keep(self) -> None:
        """Write the weights that were just scored, and remove the oldest of those kept."""
        try:
            if self.best.since == 0:
                self._write_weights("so far, the best", "best")
            if count := self.recipe.watch.keep:
                self._write_weights("so far", f"weights-{self.samples:012}")
                for old in sorted(self.folder.glob("weights-*.safetensors"))[:-count]:
                    old.unlink()
        except WriteError as error:
            tqdm.write(f"{error} These weights are not kept; training continues.")

    @property
    def usable(self) -> CDTNet:
        """The resulting network: the averaged one, if there is one."""
        model = self.model if self.averaged is None else self.averaged.module
        assert isinstance(model, CDTNet)
        return model

    def _steps(self, stage: Stage) -> int:
        return max(self.feed.samples(stage) // stage.batch, 1)

    def _prepare(self, stage: Stage) -> Descent:
        """Select the trained parts; the others are frozen, with their BatchNorm statistics."""
        self.model.to(_dtype(stage)).eval().requires_grad_(False)
        if stage.average:
            reach = max(1 - 10 / self._steps(stage), 0.0)  # a tenth of the stage
            self.averaged = AveragedModel(
                self.model, multi_avg_fn=get_ema_multi_avg_fn(reach), use_buffers=True
            )
        return Descent(self.model, stage, self.processes)

    def _run_stage(
        self,
        stage: Stage,
        descent: Descent,
        stopped: Callable[[], bool],
        save_every: float,
    ) -> bool:
        """Run a stage, and return whether its end was reached."""
        steps = self._steps(stage)
        end = self.samples + (steps - self.step) * stage.batch
        batches = self.feed.batches(stage, self.samples, end) if self.step < steps else iter(())
        saved = time.monotonic()
        losses: list[Tensor] = []
        every = self.recipe.watch.validate_every or max(steps // VALIDATIONS, 1)
        pace = _Pace(self.recipe.watch.log_every)
        with self._bar(stage, steps) as bar:
            if self.samples == 0:
                self._validate(stage, stage.rate_at(0, steps), losses, bar)
            while self.step < steps:
                rate = stage.rate_at(self.step, steps)
                self.measured = pace.begin()
                try:
                    losses.append(self._train_step(stage, batches, descent, rate))
                except WorkerLostError:
                    time.sleep(PATIENCE)  # a signal to the process group may reach this process last
                    self._save(descent, required=True)
                    if stopped():
                        return False
                    raise
                bar.update(stage.batch)
                pace.end(stage.batch, losses[-1])
                if self.measured and self.log is not None:
                    self.log.steps(self.samples, {"rate": rate, "gradient": self.gradient, **pace.numbers()})
                ended = self.step == steps
                if ended or self.step % every == 0:
                    check_numbers(self.model, self.samples)
                    self._validate(stage, rate, losses, bar)
                    losses.clear()
                    if self._no_better():
                        self.step, ended = steps, True
                stop = self.processes.agree(stopped())
                if ended or stop or time.monotonic() > saved + save_every:
                    self._save(descent, required=ended or stop)
                    saved = time.monotonic()
                if stop and not ended:
                    return False
        return True

    def _no_better(self) -> bool:
        """Check whether the stage ends early."""
        patience = self.recipe.watch.patience
        return patience is not None and self.processes.agree(self.best.since >= patience)

    def _bar(self, stage: Stage, steps: int) -> "tqdm[Any]":
        place = f"{self.stage + 1}/{len(self.recipe.stages)}"
        return tqdm(
            total=steps * stage.batch,
            initial=self.step * stage.batch,
            desc=f"stage {place}, {', '.join(stage.trains)} at {stage.size}",
            unit=" samples",
            disable=not self.processes.first,
        )

    def _train_step(self, stage: Stage, batches: Iterator[Triplet], descent: Descent, rate: float) -> Tensor:
        """Train one step, and return the loss over all processes."""
        window = self._window(stage)
        parts = list(islice(batches, stage.accumulate))  # complete, before anything is computed
        losses = [descent.add(_cast(triplet, stage), window) for triplet in parts]
        norm = descent.step(rate, measure=self.measured)
        if self.measured and norm is not None:
            self.gradient = float(norm)
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)
        self.step, self.samples = self.step + 1, self.samples + stage.batch
        return self.processes.mean(torch.stack(losses).mean())

    def _window(self, stage: Stage) -> Window:
        """Draw a random part of the pictures, the same for the whole batch."""
        size = stage.size_at(self.samples)
        side = min(stage.window or size, size)
        rng = random.Random((self.recipe.seed << 40) + self.samples)
        top, left = (rng.randint(0, size - side) for _ in range(2))
        return Window(top, left, top + side, left + side)

    def _validate(self, stage: Stage, rate: float, losses: list[Tensor], bar: Any) -> None:
        if self.log is None:
            return
        model = self.usable
        training = [part for part in model.modules() if part.training]
        model.eval()
        triplets = (_cast(triplet, stage) for triplet in self.feed.validation(stage))
        example = next(triplets)
        scores = validate(model, chain((example,), triplets), stage.base_size)
        values = {
            "stage": self.stage + 1.0,
            "size": stage.size,
            "rate": rate,
            "loss": torch.stack(losses).mean().item() if losses else float("nan"),
            **{f"{name} {metric}": v for name, score in scores.items() for metric, v in vars(score).items()},
        }
        self.log.scores(self.samples, values)
        self.best.see(values, self.samples)
        self._keep()
        with torch.no_grad():
            self.log.pictures(self.samples, paint(model, example, stage.base_size), example)
        for part in training:
            part.training = True
        best = min((name for name in scores if name != "composite"), key=lambda name: scores[name].fmse)
        gain = scores[best].psnr - scores["composite"].psnr
        left = 100 * scores[best].fmse / scores["composite"].fmse
        bar.set_postfix_str(f"{best} {gain:+.2f} dB, {left:.0f} % fMSE left")

    def _save(self, descent: Descent, *, required: bool) -> None:
        """Write the checkpoint; if that fails and it is not required, report it and continue."""
        check_numbers(self.model, self.samples)
        if not self.processes.first:
            return
        state = {
            "recipe": self.recipe.model_dump_json(),
            "stage": self.stage,
            "step": self.step,
            "samples": self.samples,
            "model": self.model.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimizer": descent.state_dict(),
            "best": {"value": self.best.value, "samples": self.best.samples, "since": self.best.since},
        }
        try:
            save_checkpoint(self.folder / "checkpoint.pt", state)
        except WriteError as error:
            if required:
                raise
            tqdm.write(f"{error} Training continues; the previous checkpoint is kept.")


@dataclass
class Best:
    """The best score so far.

    Attributes:
        name: The name of the score, such as "image fmse"; for PSNR, higher is better.
        value: The best value; NaN before the first one.
        samples: The number of samples when it was reached.
        since: The number of scores since then.
    """

    name: str
    value: float = float("nan")
    samples: int = 0
    since: int = 0

    def see(self, values: Mapping[str, float], samples: int) -> None:
        """Add a score; without a value for its picture, that of the final picture is used."""
        value = values.get(self.name, values[f"image {self.name.partition(' ')[2]}"])
        sign = -1 if self.name.endswith("psnr") else 1
        if math.isnan(self.value) or sign * value < sign * self.value:
            self.value, self.samples, self.since = value, samples, 0
        else:
            self.since += 1


class _Pace:
    """Loss and speed over a number of steps."""

    def __init__(self, every: int):
        self.every, self.steps, self.samples, self.seconds = every, 0, 0, 0.0
        self.losses: list[Tensor] = []

    def begin(self) -> bool:
        """Start a step, and return whether values are logged at its end."""
        self.began = time.monotonic()
        return self.steps % self.every == self.every - 1

    def end(self, samples: int, loss: Tensor) -> None:
        """End a step."""
        self.steps, self.samples = self.steps + 1, self.samples + samples
        self.seconds += time.monotonic() - self.began
        self.losses.append(loss)

    def numbers(self) -> dict[str, float]:
        """Return the values since the last call."""
        loss, speed = torch.stack(self.losses).mean().item(), self.samples / max(self.seconds, 1e-9)
        self.samples, self.seconds, self.losses = 0, 0.0, []
        return {"loss": loss, "samples/s": speed}


def _dtype(stage: Stage) -> torch.dtype:
    """Return the type of weights and pictures."""
    return torch.float64 if stage.precision == "float64" else torch.float32


def _cast(triplet: Triplet, stage: Stage) -> Triplet:
    return Triplet(*(tensor.to(_dtype(stage)) for tensor in triplet))
