"""The initial network of a run."""

import torch
from torch import nn

from ..errors import WeightsError
from ..model import CDTNet, load_model
from .recipe import Part, Recipe


def build_model(recipe: Recipe) -> CDTNet:
    """Build a network with random weights from the recipe's seed, and load initial parts.

    Raises:
        WeightsError: A part does not exist, or has another shape.
    """
    torch.manual_seed(recipe.seed)
    model = CDTNet(recipe.model)
    if recipe.open_gates:
        for painter in (model.generator, None if recipe.model.residual else model.refinement):
            if painter is not None:  # a gate of sigmoid(3·1) keeps 95 % of the picture
                nn.init.constant_(painter.blend.gate.bias, 1.0)  # type: ignore[arg-type]
    for part, source in recipe.initial.items():
        other = load_model(source)
        taken = getattr(other, part)
        if taken is None:
            raise WeightsError(f"{source} has no {part}.")
        if part == "refinement" and other.config.residual != recipe.model.residual:
            raise WeightsError(
                f"The refinement of {source} needs model.residual={str(other.config.residual).lower()}."
            )
        try:
            getattr(model, part).load_state_dict(taken.state_dict())
        except RuntimeError as error:
            raise WeightsError(f"The {part} of {source} has another shape than in the recipe.") from error
    return model


def modules(model: CDTNet, parts: tuple[Part, ...]) -> list[nn.Module]:
    """Return the parts of a network by their names in recipes."""
    named = {
        "generator": model.generator,
        "encoder": model.generator.encoder,
        "color_mapping": model.color_mapping,
        "refinement": model.refinement,
    }
    return [module for part in parts if (module := named[part]) is not None]
