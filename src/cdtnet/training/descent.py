"""Optimization with AdamW, which without weight decay is the published Adam."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..composites.synthesis import Triplet
from ..imaging.geometry import Window
from ..model import CDTNet
from .distributed import Processes, share_batch_norm
from .initial import modules
from .loss import Objective
from .recipe import Stage


class Descent:
    """The optimizer of a stage.

    Args:
        model: The network; only the parts that the stage names are trained.
        stage: The stage, with losses and hyperparameters.
        processes: The processes that share batches.
    """

    def __init__(self, model: CDTNet, stage: Stage, processes: Processes):
        for part in modules(model, stage.trains):
            part.train().requires_grad_(True)
        if stage.fixed_statistics:
            for part in model.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.eval()
        self.stage = stage
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=stage.rate, betas=(0.9, 0.999), weight_decay=stage.weight_decay
        )
        self.objective: nn.Module = Objective(model, stage)
        if processes.count > 1:
            share_batch_norm(self.objective)
            self.objective = DistributedDataParallel(self.objective)
        self.missing = stage.accumulate  # parts of the batch that are not computed yet

    def add(self, triplet: Triplet, window: Window) -> Tensor:
        """Add the gradient of a part of the batch; processes synchronize at the last part."""
        self.missing -= 1
        alone = isinstance(self.objective, DistributedDataParallel) and self.missing
        with self.objective.no_sync() if alone else nullcontext():  # type: ignore[operator]
            loss = torch.stack(list(self.objective(triplet, window).values())).sum()
            (loss / self.stage.accumulate).backward()
        return loss.detach()

    def step(self, rate: float, *, measure: bool = False) -> Tensor | None:
        """Apply the gradient of the batch.

        Returns:
            The norm of the gradient before clipping, if `measure` is set.
        """
        norm = None
        if self.stage.clip is not None or measure:
            norm = nn.utils.clip_grad_norm_(self.parameters, self.stage.clip or float("inf"))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.missing = self.stage.accumulate
        return norm

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state for a checkpoint."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.optimizer.load_state_dict(state)
