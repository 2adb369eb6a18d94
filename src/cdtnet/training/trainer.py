"""The training loop: stages in order, stoppable anywhere."""

import random
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from ..data.photos import Photo, load_photos
from ..data.synthesis import Triplet, draw
from ..errors import WeightsError
from ..model import CDTNet
from ..regions import Window
from .checkpoint import load_checkpoint, save_checkpoint
from .log import Log
from .loss import foreground_normalized_mse, roughness
from .stages import Plan, Stage
from .validation import make_validation, validate

VALIDATIONS = 10  # per stage
ROUGHNESS = 3.0  # weight of the tables' roughness, beside 1 for each picture's loss


class Trainer:
    """Trains one network by a plan, in one run folder.

    The folder holds `checkpoint.pt` (everything needed to go on), `log.csv` and TensorBoard events. A run
    started again in the same folder goes on where its checkpoint was written.

    Args:
        plan: the network and its stages.
        photos: training photographs.
        held_out: photographs of other sources, for validation.
        folder: the run's folder.
        device: where to train.
        initial: weights to start from (any part of the network's), when there is no checkpoint yet.
    """

    def __init__(
        self,
        plan: Plan,
        photos: list[Photo],
        held_out: list[Photo],
        folder: Path,
        device: torch.device,
        initial: dict[str, Tensor] | None = None,
    ):
        self.plan, self.photos, self.held_out = plan, photos, held_out
        self.folder, self.device = folder, device
        torch.manual_seed(0)
        self.model = CDTNet(plan.config)
        _start_near_identity(self.model)
        if initial:
            _load_initial(self.model, initial)
        self.model.to(device).channels_last()
        self.average = AveragedModel(self.model, use_buffers=True)
        self.random = torch.Generator(device).manual_seed(0)
        self.stage = self.step = self.samples = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.log = Log(folder)

    def run(self, *, save_every: float = 120.0, minutes: float | None = None) -> None:
        """Train to the end of the plan.

        Args:
            save_every: seconds between checkpoints.
            minutes: stop after so long, but never without having taken a step.
        """
        deadline = time.monotonic() + 60 * (float("inf") if minutes is None else minutes)
        checkpoint = self.folder / "checkpoint.pt"
        resumed = load_checkpoint(checkpoint) if checkpoint.exists() else None
        if resumed:
            self._restore(resumed)
        while self.stage < len(self.plan.stages):
            stage = self.plan.stages[self.stage]
            optimizer = self._prepare(stage)
            if resumed:
                optimizer.load_state_dict(resumed["optimizer"])
                resumed = None
            self._run_stage(stage, optimizer, deadline, save_every)
            if self.step < stage.steps:
                return
            self.stage, self.step = self.stage + 1, 0

    def _prepare(self, stage: Stage) -> torch.optim.Optimizer:
        """Choose what is trained; the rest is frozen, its BatchNorm statistics too."""
        self.average.multi_avg_fn = get_ema_multi_avg_fn(stage.averaging)
        self.model.requires_grad_(False)
        for part in self._trained(stage):
            part.requires_grad_(True)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        return torch.optim.AdamW(parameters, lr=stage.rate, betas=(0.9, 0.999), weight_decay=1e-4)

    def _trained(self, stage: Stage) -> list[nn.Module]:
        if stage.part == "generator":
            return [self.model.generator]
        if stage.part == "encoder and mapping":
            assert self.model.color_mapping is not None
            return [self.model.generator.encoder, self.model.color_mapping]
        return [part for part in (self.model.color_mapping, self.model.refinement) if part is not None]

    def _run_stage(
        self, stage: Stage, optimizer: torch.optim.Optimizer, deadline: float, save_every: float
    ) -> None:
        room = stage.size * 5 // 4 if stage.size <= 256 else stage.size  # crops are enlarged a little at most
        store = load_photos(self.photos, room).to(self.device)
        check = make_validation(load_photos(self.held_out, stage.size).to(self.device), stage.size)
        self.model.eval()
        for part in self._trained(stage):
            part.train()
        saved, losses = time.monotonic(), []
        with self._bar(stage) as bar:
            while self.step < stage.steps:
                triplet = draw(store, stage.batch, stage.size, self.random)
                losses.append(self._train_step(stage, triplet, optimizer))
                bar.update(stage.batch)
                last = self.step == stage.steps
                if last or self.step % max(stage.steps // VALIDATIONS, 1) == 0:
                    self._validate(stage, check, torch.stack(losses).mean().item(), bar)
                    losses.clear()
                if not losses or time.monotonic() > min(saved + save_every, deadline):
                    save_checkpoint(self.folder / "checkpoint.pt", self._state(optimizer))
                    saved = time.monotonic()
                if time.monotonic() > deadline:
                    return

    def _bar(self, stage: Stage) -> "tqdm[Any]":
        return tqdm(
            total=stage.steps * stage.batch,
            initial=self.step * stage.batch,
            desc=f"stage {self.stage + 1}/{len(self.plan.stages)}, {stage.part} at {stage.size}",
            unit=" samples",
        )

    def _train_step(self, stage: Stage, triplet: Triplet, optimizer: torch.optim.Optimizer) -> Tensor:
        for group in optimizer.param_groups:
            group["lr"] = stage.rate_at(self.step)
        loss = self._loss(stage, triplet)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimizer.step()
        self.average.update_parameters(self.model)
        self.step, self.samples = self.step + 1, self.samples + stage.batch
        return loss.detach()

    def _loss(self, stage: Stage, triplet: Triplet) -> Tensor:
        """Sum of the losses on every picture that the trained part makes, each weighted by 1."""
        composite, mask, real = triplet
        area = mask.mean((1, 2, 3))
        with torch.autocast(self.device.type, torch.bfloat16):
            if stage.part == "generator":
                generated = self.model(composite, mask, stage.base_size).base_image
                return foreground_normalized_mse(generated.float(), real, area)
            low = self.model.downsample(composite, mask, stage.base_size)
            analysis = self.model.analyse(low)
            window = self._window(stage)
            crop = (..., slice(window.top, window.bottom), slice(window.left, window.right))
            size = (stage.size, stage.size)
            rendered, mapped = self.model.render(analysis, composite[crop], mask[crop], size, window)
        pictures = [picture for picture in (rendered, mapped) if picture is not None]
        losses = [foreground_normalized_mse(picture.float(), real[crop], area) for picture in pictures]
        if self.model.color_mapping is not None:
            losses.append(ROUGHNESS * roughness(self.model.color_mapping.basis))
        return torch.stack(losses).sum()

    def _window(self, stage: Stage) -> Window:
        rng = random.Random(self.samples)
        top, left = (rng.randint(0, stage.size - stage.window) for _ in range(2))
        return Window(top, left, top + stage.window, left + stage.window)

    @property
    def averaged(self) -> CDTNet:
        """The model with weights averaged over the last steps: the one to use."""
        model = self.average.module
        assert isinstance(model, CDTNet)
        return model

    def _validate(self, stage: Stage, triplets: list[Triplet], loss: float, bar: Any) -> None:
        model = self.averaged.eval()
        scores, untouched = validate(model, triplets, stage.base_size), validate(None, triplets)
        values = {"size": stage.size, "rate": stage.rate_at(self.step), "loss": loss, **vars(scores)}
        self.log.scores(
            self.samples, {**values, "gain": scores.psnr - untouched.psnr, "fmse untouched": untouched.fmse}
        )
        self.log.pictures(self.samples, model, triplets[0], stage.base_size)
        bar.set_postfix_str(
            f"{scores.psnr:.2f} dB ({scores.psnr - untouched.psnr:+.2f}), fMSE {scores.fmse:.0f}"
        )

    def _state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "step": self.step,
            "samples": self.samples,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": self.random.get_state(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise WeightsError(
                f"{self.folder} holds a run of another network; choose another folder."
            ) from error
        self.average.load_state_dict(state["average"])
        self.random.set_state(state["random"])
        self.stage, self.step, self.samples = state["stage"], state["step"], state["samples"]


def _load_initial(model: CDTNet, initial: dict[str, Tensor]) -> None:
    """Take over a trained generator, and whatever else there is; nothing may be left over."""
    missing, unexpected = model.load_state_dict(initial, strict=False)
    missing = [name for name in missing if name.startswith("generator.")]
    if missing or unexpected:
        raise WeightsError(f"The initial weights do not fit: missing {missing}, unexpected {unexpected}.")


def _start_near_identity(model: CDTNet) -> None:
    """Open the blending gates, so that training starts from the untouched picture."""
    for part in (model.generator, model.refinement):
        if part is not None:
            nn.init.constant_(part.blend.gate.bias, 1.0)  # type: ignore[arg-type]
