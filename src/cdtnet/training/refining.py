"""Sharper refinement than gradients find in little time; not in the paper.

The colour mapping's picture has every detail, and the generator's differs from it by a residual that is
smooth enough to be upsampled (`Config.residual`). Their sum is where the refinement begins, passed on by some
of its hidden channels; its last layer, in which colours are linear, is then solved rather than stepped to.
"""

import torch
from torch import Tensor

from ..data.synthesis import Triplet
from ..model import CDTNet
from ..model.layers import normalize
from ..model.refinement import Refinement
from ..regions import Window
from .distributed import Processes
from .loss import NEGLIGIBLE
from .recipe import Stage

PLANES, DETAIL = 6, 3  # of the residual and the mapped picture; of the mapped picture's detail
FAINT = 1 / 256  # of normalised colours, which lie within ±2.7, at which ELU is the identity, nearly
PASSES = 3  # of reweighting, for the root loss
UNCHANGED = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}  # by BatchNorm
RIDGE = 0.1  # of each input's power, that holds the last layer to the sum, which loses no detail
CLOSED = -8.0  # of a gate: it keeps sigmoid(3·−8) of the composite, which is nothing
EDGE = 0.05  # of the mask; below, the result is the composite anyway


@torch.no_grad()
def see_through(refinement: Refinement) -> None:
    """Let the refinement paint the sum of the residual and the mapped picture.

    The first hidden channels of both layers pass on the six planes, faintly; three more of the second pass
    what the mapped picture differs by from its mean over 3×3 pixels. The last layer adds up the six and uses
    nothing else yet; its gate is closed.
    """
    first, first_norm, _, second, second_norm, _ = (layer.state_dict() for layer in refinement.convs)
    for conv, norm, count in ((first, first_norm, PLANES), (second, second_norm, PLANES + DETAIL)):
        for state, blank in ((conv, {"weight": 0.0, "bias": 0.0}), (norm, UNCHANGED)):
            for name, value in blank.items():
                state[name][:count] = value
    blend = refinement.blend.state_dict()
    for name, value in {"rgb.weight": 0.0, "rgb.bias": 0.0, "gate.weight": 0.0, "gate.bias": CLOSED}.items():
        blend[name][:] = value
    second["weight"][:, :PLANES] = 0.0
    for k in range(PLANES):
        first["weight"][k, k, 1, 1] = FAINT
        second["weight"][k, k, 1, 1] = 1.0
        blend["rgb.weight"][k % 3, k] = 1 / FAINT
    for k in range(DETAIL):
        second["weight"][PLANES + k, 3 + k] = -1 / 9
        second["weight"][PLANES + k, 3 + k, 1, 1] += 1.0


class ColorSolver:
    """Solves the refinement's last layer for the loss on the final picture; stands where Adam does.

    With the gate closed the picture is rgb(hidden), linear in `rgb`, so that least squares finds what is
    better than the sum; for the root of each picture's error, by reweighting, `PASSES` times.

    Args:
        model: whose refinement is solved, from what `see_through` makes of it; all else stays as it is.
        stage: of the loss, the sizes and the number of samples.
        steps: of the stage.
        processes: that share batches.
    """

    def __init__(self, model: CDTNet, stage: Stage, steps: int, processes: Processes):
        assert model.refinement is not None  # the recipe is checked
        see_through(model.refinement)
        self.model, self.stage, self.processes = model, stage, processes
        self.blend = model.refinement.blend
        self.sum = self._layer().clone()
        self.param_groups: list[dict[str, float]] = [{}]  # as an optimizer has
        self.ends = {steps * k // PASSES for k in range(1, PASSES + 1)} if stage.losses.root else {steps}
        self.state = self._fresh(0)

    def _layer(self) -> Tensor:
        """The last layer (channels+1,3), its bias below."""
        assert self.blend.rgb.bias is not None
        return torch.cat((self.blend.rgb.weight[:, :, 0, 0].T, self.blend.rgb.bias[None])).detach()

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
        given: list[Tensor] = []  # to the last layer: the composite and the hidden channels
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
        targets = weight * normalize(real)
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
        start = self.sum.to(products)
        power = products.diagonal().clamp(min=torch.finfo().tiny).sqrt()[:, None]
        alike = products / (power * power.T)
        alike.diagonal().add_(RIDGE)
        change = torch.linalg.solve(alike, (targets - products @ start) / power) / power
        solution = (start + change).to(self.sum)
        assert self.blend.rgb.bias is not None
        self.blend.rgb.weight[:, :, 0, 0] = solution[:-1].T
        self.blend.rgb.bias[:] = solution[-1]
        self.state = self._fresh(int(self.state["step"]))

    def zero_grad(self, *, set_to_none: bool) -> None:
        """There are no gradients."""
