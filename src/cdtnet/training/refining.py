"""The refinement's last layer by least squares, which gradients take long to find; not in the paper.

With the generator's residual (`Config.residual`) the refinement begins with the sum of that and the mapped
picture. What is added to the sum is linear in the last layer, which can thus be solved for.
"""

import torch
from torch import Tensor

from ..data.synthesis import Triplet
from ..model import CDTNet
from ..model.layers import normalize
from ..regions import Window
from .distributed import Processes
from .loss import NEGLIGIBLE
from .recipe import Stage

PASSES = 3  # of reweighting, for the root loss
RIDGE = 0.1  # of each input's power, that holds the picture to the sum, which loses no detail
EDGE = 0.05  # of the mask; below, the result is the composite anyway


class ColorSolver:
    """Solves the refinement's last layer for the loss on the final picture; learns as `Descent` does.

    For the root of each picture's error, by reweighting, `PASSES` times.

    Args:
        model: whose refinement is solved, anew from the sum; all else stays as it is.
        stage: of the loss, the sizes and the number of samples.
        steps: of the stage.
        processes: that share batches.
    """

    validations = PASSES

    def __init__(self, model: CDTNet, stage: Stage, steps: int, processes: Processes):
        assert model.refinement is not None  # the recipe is checked
        model.refinement.begin_with_sum()
        self.model, self.stage, self.processes = model, stage, processes
        self.blend = model.refinement.blend
        self.ends = {steps * k // PASSES for k in range(1, PASSES + 1)} if stage.losses.root else {steps}
        self.state = self._fresh(0)

    def _fresh(self, step: int) -> dict[str, Tensor]:
        inputs = self.blend.rgb.in_channels + 1  # and the bias
        device, exact = self.processes.device, torch.float64
        return {
            "step": torch.tensor(step),
            "products": torch.zeros(inputs, inputs, dtype=exact, device=device),
            "targets": torch.zeros(inputs, 3, dtype=exact, device=device),
        }

    def state_dict(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        return self.state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """From a checkpoint."""
        self.state = state

    @torch.no_grad()
    def add(self, triplet: Triplet, window: Window) -> Tensor:
        """Take a batch into account; returns its loss."""
        stage, (composite, mask, real) = self.stage, triplet
        analysis = self.model.analyse(self.model.downsample(composite, mask, stage.base_size))
        size, share = (composite.shape[2], composite.shape[3]), mask.mean((1, 2, 3))
        composite, mask, real = (tensor[(..., *window.slices)] for tensor in triplet)
        given: list[Tensor] = []  # to the last layer: what the composite has beyond the sum, hidden channels
        half = stage.precision == "bfloat16"
        with (
            self.blend.register_forward_pre_hook(lambda _, inputs: given.extend(inputs)),
            torch.autocast(composite.device.type, torch.bfloat16, enabled=half),  # as it will be used
        ):
            painted, _ = self.model.render(analysis, composite, mask, size, window)
        pixels = 3 * share.clamp(min=stage.smallest_foreground / stage.size**2) * mask[0].numel()
        errors = ((mask * (painted - real)) ** 2).sum((1, 2, 3)) / pixels
        roots = (errors + NEGLIGIBLE).sqrt()
        weight = mask / (pixels * (roots if stage.losses.root else 1.0)).sqrt().view(-1, 1, 1, 1)

        inputs = weight * torch.cat((given[1].to(mask.dtype), torch.ones_like(mask)), dim=1)
        targets = weight * (normalize(real) - normalize(composite) + given[0])  # beyond the sum
        seen = mask[:, 0] > EDGE
        rows, goals = inputs.permute(0, 2, 3, 1)[seen], targets.permute(0, 2, 3, 1)[seen]
        self.state["products"] += (rows.T @ rows).double()
        self.state["targets"] += (rows.T @ goals).double()
        return (roots if stage.losses.root else errors).mean()

    @torch.no_grad()
    def step(self, rate: float = 0.0) -> None:
        """Count a step, for which there is no rate; at the end of a pass, solve."""
        self.state["step"] += 1
        if int(self.state["step"]) not in self.ends:
            return
        products, targets = (self.processes.mean(self.state[name]) for name in ("products", "targets"))
        power = products.diagonal().clamp(min=torch.finfo().tiny).sqrt()[:, None]
        alike = products / (power * power.T)
        alike.diagonal().add_(RIDGE)
        solution = (torch.linalg.solve(alike, targets / power) / power).to(self.blend.rgb.weight)
        assert self.blend.rgb.bias is not None
        self.blend.rgb.weight[:, :, 0, 0] = solution[:-1].T
        self.blend.rgb.bias[:] = solution[-1]
        self.state = self._fresh(int(self.state["step"]))
