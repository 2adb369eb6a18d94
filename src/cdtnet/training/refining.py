"""Sharper refinement than gradients find in little time; not in the paper.

The generator's picture comes upsampled, the colour mapping's with every detail, and the refinement has to
join the one's colours with the other's detail. Hidden channels that pass both on make that a linear task; and
its last layer, in which colours are linear, is solved rather than stepped to.
"""

import torch
from torch import Tensor, nn

from ..data.synthesis import Triplet
from ..model import CDTNet
from ..model.layers import normalize
from ..model.refinement import Refinement
from ..regions import Window
from .distributed import Processes
from .loss import NEGLIGIBLE
from .recipe import Stage

FAINT = 1 / 256  # of normalised colours, which lie within ±2.7, at which ELU is the identity, nearly
PASSES = 3  # of reweighting, for the root loss
RIDGE = 1e-3  # of each input's power, so that half precision's rounding is not blown up
EDGE = 0.05  # of the mask; below, the result is the composite anyway


@torch.no_grad()
def see_through(refinement: Refinement) -> None:
    """Let the least used hidden channels pass on the generator's and the mapping's picture, if none do.

    Six channels of the first layer pass both; six of the second do, too, and three more pass what the colour
    mapping's differs by from its mean over 3×3 pixels. All are faint; what the last layer makes of them is
    left to training.
    """
    first, first_norm, _, second, second_norm, _ = refinement.convs
    assert isinstance(first, nn.Conv2d)
    assert isinstance(first_norm, nn.BatchNorm2d)
    assert isinstance(second, nn.Conv2d)
    assert isinstance(second_norm, nn.BatchNorm2d)
    rgb, gate = refinement.blend.rgb, refinement.blend.gate
    if (first.weight.flatten(1).count_nonzero(1) == 1).sum() >= 6:
        return
    passing = _least_used(first_norm, second.weight.abs().sum((0, 2, 3)), 6)
    for source, channel in enumerate(passing):  # the first six inputs are the two pictures
        _pass(first, first_norm, channel)
        first.weight[channel, source, 1, 1] = FAINT
    second.weight[:, passing] = 0.0
    use = rgb.weight.abs().sum((0, 2, 3)) + 3 * gate.weight.abs().sum((0, 2, 3))
    for k, channel in enumerate(_least_used(second_norm, use, 9)):
        _pass(second, second_norm, channel)
        if k >= 6:
            second.weight[channel, passing[k - 3]] = -1 / 9
        second.weight[channel, passing[k if k < 6 else k - 3], 1, 1] += 1.0
        rgb.weight[:, channel] = 0.0
        gate.weight[:, channel] = 0.0


def _least_used(norm: nn.BatchNorm2d, use: Tensor, count: int) -> list[int]:
    """Channels after a BatchNorm that matter least to the weights which read them."""
    return (norm.weight.abs() * use).argsort()[:count].tolist()


def _pass(conv: nn.Conv2d, norm: nn.BatchNorm2d, channel: int) -> None:
    """Make a channel ready to pass something on."""
    assert conv.bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    conv.weight[channel], conv.bias[channel] = 0.0, 0.0
    norm.running_mean[channel], norm.running_var[channel] = 0.0, 1.0 - norm.eps
    norm.weight[channel], norm.bias[channel] = 1.0, 0.0


class ColorSolver:
    """Solves the refinement's last layer for the loss on the final picture; stands where Adam does.

    With σ = sigmoid(3·gate), the picture σ·composite + (1−σ)·rgb(hidden) is linear in `rgb`, so that
    least squares finds them; for the root of each picture's error, by reweighting, `PASSES` times.

    Args:
        model: whose refinement is solved, after `see_through`; all else stays as it is.
        stage: of the loss, the sizes and the number of samples.
        steps: of the stage.
        processes: that share batches.
    """

    def __init__(self, model: CDTNet, stage: Stage, steps: int, processes: Processes):
        assert model.refinement is not None  # the recipe is checked
        see_through(model.refinement)
        self.model, self.stage, self.processes = model, stage, processes
        self.blend = model.refinement.blend
        self.param_groups: list[dict[str, float]] = [{}]  # as an optimizer has
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
        given: list[Tensor] = []  # to the last layer: the picture and the hidden channels
        half = stage.precision == "bfloat16"
        with (
            self.blend.register_forward_pre_hook(lambda _, inputs: given.extend(inputs)),
            torch.autocast(composite.device.type, torch.bfloat16, enabled=half),  # as it will be used
        ):
            painted, _ = self.model.render(analysis, composite, mask, size, window)
        picture, hidden = (tensor.to(composite.dtype) for tensor in given)
        keep = torch.sigmoid(3.0 * self.blend.gate(hidden))
        pixels = 3 * share.clamp(min=stage.smallest_foreground / stage.size**2) * mask[0].numel()
        errors = ((mask * (painted - real)) ** 2).sum((1, 2, 3)) / pixels
        roots = (errors + NEGLIGIBLE).sqrt()
        weight = mask / (pixels * (roots if stage.losses.root else 1.0)).sqrt().view(-1, 1, 1, 1)

        inputs = weight * (1 - keep) * torch.cat((hidden, torch.ones_like(mask)), dim=1)
        targets = weight * (normalize(real) - keep * picture)
        seen = mask[:, 0] > EDGE
        rows, goals = inputs.permute(0, 2, 3, 1)[seen], targets.permute(0, 2, 3, 1)[seen]
        self.state["products"] += (rows.T @ rows).double()
        self.state["targets"] += (rows.T @ goals).double()
        return (roots if stage.losses.root else errors).mean()

    @torch.no_grad()
    def step(self) -> None:
        """Count a step; at the end of a pass, solve."""
        self.state["step"] += 1
        if int(self.state["step"]) not in self.ends:
            return
        products, targets = (self.processes.mean(self.state[name]) for name in ("products", "targets"))
        power = products.diagonal().clamp(min=torch.finfo().tiny).sqrt()[:, None]
        alike = products / (power * power.T)
        alike.diagonal().add_(RIDGE)
        solution = (torch.linalg.solve(alike, targets / power) / power).to(self.blend.rgb.weight.dtype)
        assert self.blend.rgb.bias is not None
        self.blend.rgb.weight[:, :, 0, 0] = solution[:-1].T
        self.blend.rgb.bias[:] = solution[-1]
        self.state = self._fresh(int(self.state["step"]))

    def zero_grad(self, *, set_to_none: bool) -> None:
        """There are no gradients."""
