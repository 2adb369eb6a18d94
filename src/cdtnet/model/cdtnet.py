"""CDTNet (Cong et al., CVPR 2022): two collaborating transformations and their refinement.

The network of figure 2, and its two simpler variants, in two steps: `analyze` makes all global decisions on
the picture at base size; `render` is local and renders any window of the picture at full resolution.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..config import STRIDE, Config
from ..errors import WeightsError
from ..imaging.geometry import Window
from ..weights.storage import Ranges, decode_config, encode_config
from .calibration import MARGIN, SIZE, composites
from .color_mapping import ColorMapping, map_colors
from .generator import BOTTLENECK, FEATURES, Generator
from .layers import denormalize, normalize
from .refinement import Refinement
from .sampling import downsample, upsample

GENERATED = 0.75  # weight of the generator's picture in the mean with the color mapping's


class LowInput(NamedTuple):
    """A picture at base size S, ready to be analyzed.

    Attributes:
        image: (B,3,S,S), RGB in 0..1.
        mask: (B,1,S,S), 0..1.
        coarse_mask: (B,1,S/8,S/8), resized from full resolution in one step, for the prediction of weights.
    """

    image: Tensor
    mask: Tensor
    coarse_mask: Tensor

    def mirrored(self) -> "LowInput":
        """Return the picture with left and right exchanged."""
        return LowInput(*(part.flip(-1) for part in self))


class Analysis(NamedTuple):
    """The input of rendering; its size does not depend on the picture's.

    Attributes:
        image_low: (B,3,S,S), the generator's picture, normalized; None for "cdtnet-sim".
        features_low: (B,32,S,S), the generator's last features; None for "cdtnet-sim".
        table: (B,3,33,33,33), the mixed LUT, axes color, blue, green, red; None for "is2am".
        residual_low: (B,3,S,S), the correction of the color mapping's picture, normalized (`residual`); None
            without `Config.residual`.
    """

    image_low: Tensor | None
    features_low: Tensor | None
    table: Tensor | None
    residual_low: Tensor | None = None

    def mirrored(self) -> "Analysis":
        """Return the analysis of the picture with left and right exchanged."""
        return self._changed(lambda low: low.flip(-1))

    def resampled(self, rows: NDArray[Any], columns: NDArray[Any]) -> "Analysis":
        """Return the analysis of the same picture moved and scaled.

        Args:
            rows: (S,S), the weight of each old row in each new row.
            columns: (S,S), the same for columns.
        """
        down, across = torch.from_numpy(rows), torch.from_numpy(columns)
        return self._changed(lambda low: down.to(low) @ low @ across.to(low).T)

    def _changed(self, change: Callable[[Tensor], Tensor]) -> "Analysis":
        lows = {name: getattr(self, name) for name in ("image_low", "features_low", "residual_low")}
        return self._replace(**{name: change(low) for name, low in lows.items() if low is not None})

    def recolored(self, other: "Analysis") -> "Analysis":
        """Return the same analysis with the table of another."""
        return self._replace(table=other.table)


def residual(generated: Tensor, mapped: Tensor) -> Tensor:
    """Return three quarters of the difference of the generator's and the color mapping's picture.

    The sum with the color mapping's picture is then a weighted mean of both, which has a smaller error than
    either; see `Config.residual`.

    Args:
        generated: (B,3,S,S), normalized, as the result is.
        mapped: (B,3,S,S), in 0..1.
    """
    return GENERATED * (generated - normalize(mapped))


class Output(NamedTuple):
    """The output of `CDTNet.forward`; colors in 0..1, not clamped.

    Attributes:
        image: (B,3,H,W), the whole frame as published: not composited with the mask.
        lut_image: (B,3,H,W), the color mapping's picture; None for "is2am".
        base_image: (B,3,S,S), the generator's picture at base size; None for "cdtnet-sim".
    """

    image: Tensor
    lut_image: Tensor | None
    base_image: Tensor | None


class CDTNet(nn.Module):
    """The network; `config.variant` determines which of the three parts it has.

    Its state contains the configuration, so that `torch.save(model.state_dict(), path)` is complete and
    `load_state_dict` restores it.

    Args:
        config: The configuration; by default `Config()`.
    """

    def __init__(self, config: Config | None = None):
        super().__init__()
        self.config = config or Config()
        self.generator = Generator()
        self.color_mapping = self.refinement = None
        if self.config.variant != "is2am":
            self.color_mapping = ColorMapping(BOTTLENECK, self.config.luts, split=self.config.split)
        if self.config.variant == "cdtnet":
            self.refinement = Refinement(FEATURES, residual=self.config.residual)

    def get_extra_state(self) -> Tensor:
        """Return the configuration, (N,) bytes of JSON, as "_extra_state" of `state_dict`."""
        return torch.from_numpy(encode_config(self.config))

    def set_extra_state(self, state: Any) -> None:
        """Set the configuration from a loaded state, except for the fields that define the modules.

        Args:
            state: The value of `get_extra_state`.

        Raises:
            WeightsError: The state is not a configuration.
        """
        if not isinstance(state, Tensor):
            raise WeightsError("The state of a CDTNet holds its configuration as a tensor of bytes.")
        fields = decode_config(state.detach().cpu().numpy(), "the state")
        own = {"variant": self.config.variant, "luts": self.config.luts, "split": self.config.split}
        try:
            self.config = replace(self.config, **{**fields, **own})
        except (TypeError, ValueError) as error:
            raise WeightsError(f"The configuration in the state cannot be used: {error}.") from error
        if self.refinement is not None:
            self.refinement.residual = self.config.residual

    @torch.no_grad()
    def ranges(self) -> Ranges | None:
        """Return the ranges of the inputs of the refinement's convolutions; None without a refinement.

        They are measured on synthetic composites, with a margin. The same weights give the same ranges.
        """
        if self.refinement is None:
            return None
        model, seen = deepcopy(self).cpu().float().eval(), dict[str, Tensor]()
        assert model.refinement is not None
        for name, place in (("inputs", 0), ("hidden", 3)):
            model.refinement.convs[place].register_forward_pre_hook(
                lambda _, given, name=name: seen.update({name: given[0].abs()})
            )
        model(*composites(min(self.config.base_size, SIZE)))
        inputs, hidden = (MARGIN * seen[name].double().amax((0, 2, 3)) for name in ("inputs", "hidden"))
        return {"inputs": inputs.tolist(), "hidden": hidden.max().item()}

    def channels_last(self) -> "CDTNet":
        """Store the convolutions' weights in the fastest memory order."""
        for part in (self.generator, self.refinement):
            if part is not None:
                part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def forward(self, image: Tensor, mask: Tensor, base_size: int | None = None) -> Output:
        """Harmonize whole pictures of any size.

        Args:
            image: (B,3,H,W), the composites, RGB in 0..1.
            mask: (B,1,H,W), the foreground masks, 0..1, soft edges allowed.
            base_size: Side of the square that is analyzed; by default the configured one.
        """
        analysis = self.analyze(self.downsample(image, mask, base_size))
        rendered, mapped = self.render(analysis, image, mask)
        base = None if analysis.image_low is None else denormalize(analysis.image_low)
        return Output(rendered, mapped, base)

    def downsample(self, image: Tensor, mask: Tensor, base_size: int | None = None) -> LowInput:
        """Resize image (B,3,H,W) and mask (B,1,H,W) to base size, as in the training of these weights."""
        size, antialias = base_size or self.config.base_size, self.config.antialias
        return LowInput(
            downsample(image, size, antialias=antialias),
            downsample(mask, size, antialias=antialias),
            downsample(mask, size // STRIDE, antialias=antialias),
        )

    def analyze(self, low: LowInput) -> Analysis:
        """Analyze a picture at base size: make all global decisions."""
        image = normalize(low.image)
        levels = self.generator.encoder(torch.cat((image, low.mask), dim=1))
        table = None if self.color_mapping is None else self.color_mapping(levels[-1], low.coarse_mask)
        if self.config.variant == "cdtnet-sim":
            return Analysis(None, None, table)
        generated, features = self.generator.decode(image, low.mask, levels)
        if self.refinement is None or table is None or not self.config.residual:
            return Analysis(generated, features, table)
        mapped = map_colors(table, low.image, low.mask)
        return Analysis(generated, features, table, residual(generated, mapped))

    def render(
        self,
        analysis: Analysis,
        image: Tensor,
        mask: Tensor,
        size: tuple[int, int] | None = None,
        window: Window | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Render one window of the full-resolution picture.

        A pixel is exact if its surroundings of `HALO` pixels are inside the window or outside the picture.

        Args:
            analysis: The analysis of the whole picture.
            image: (B,3,h,w), the window's part of the composite, in 0..1.
            mask: (B,1,h,w), the window's part of the mask.
            size: (H,W) of the whole picture; by default the window is the whole picture.
            window: The position of the window.

        Returns:
            The picture (B,3,h,w) and the color mapping's picture, in 0..1, not clamped.
        """
        size = size or (image.shape[2], image.shape[3])
        window = window or Window(0, 0, *size)
        mapped = None if analysis.table is None else map_colors(analysis.table, image, mask)
        if analysis.image_low is None:
            assert mapped is not None
            return mapped, mapped
        carried = analysis.image_low if analysis.residual_low is None else analysis.residual_low
        generated = upsample(carried, size, window)
        if self.refinement is None or mapped is None:
            return denormalize(generated), mapped
        assert analysis.features_low is not None
        features = upsample(analysis.features_low, size, window)
        refined = self.refinement(normalize(image), generated, normalize(mapped), mask, features)
        return denormalize(refined), mapped
