"""Recipes: one YAML file describes a whole training run."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from math import cos, pi
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from ..errors import DataError
from ..model import Config
from ..system.files import check_regular

Part = Literal["generator", "encoder", "color_mapping", "refinement"]


def _known(values: Any, names: Iterable[str]) -> Any:
    """Refuse keys that are not among these names, and suggest a similar name."""
    for key in values if isinstance(values, Mapping) else ():
        if key not in names:
            near = get_close_matches(str(key), names, n=1, cutoff=0.0)
            raise ValueError(f"there is no {key!r}; did you mean {near[0]!r}?")
    return values


class Section(BaseModel):
    """A part of a recipe; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any) -> Any:
        return _known(values, cls.model_fields)


class TripletData(Section):
    """A data set of composites with masks and real photographs, as `cdtnet data check` reads it.

    Attributes:
        root: The folder, zip or tar.
        layout: The layout of the data set, recognized if "auto".
        subsets: The sub-sets to train on; all by default.
        damaged: Whether a damaged triplet is reported and replaced by another one, or stops the run.
        workers: The number of processes that read ahead, per training process.
        validation: The number of triplets of the test split that are scored during training.
    """

    kind: Literal["triplets"]
    root: Path
    layout: str = "auto"
    subsets: tuple[str, ...] | None = None
    damaged: Literal["skip", "fail"] = "fail"
    workers: int = Field(default=4, ge=0)
    validation: PositiveInt = 256


class PhotoData(Section):
    """Photographs and object masks, from which composites are made on the fly.

    Attributes:
        photos: The folder of <source>/<name>.jpg.
        masks: The folder of <source>/<name>.png or <name>__<k>.png, white = object.
        held_out: The sources for validation only.
        sources: The sources to train on; all others by default.
        validation: The number of composites of held-out sources that are scored during training.
    """

    kind: Literal["photos"]
    photos: Path
    masks: Path | None = None
    held_out: tuple[str, ...] = Field(min_length=1)
    sources: tuple[str, ...] | None = None
    validation: PositiveInt = 256


class Losses(Section):
    """Weights of the squared errors of the three pictures (the paper's equation 5) and of the tables.

    Attributes:
        image: The weight of the final picture.
        lut: The weight of the color mapping's picture.
        base: The weight of the generator's picture, at base size.
        roughness: The weight of second differences of the basis LUTs; not in the paper.
        root: Whether to take the square root of each picture's error, which gives small errors more weight;
            not in the paper.
        composited: Whether to score pictures after blending by the mask, as they are used, so that soft edges
            learn to change like opaque parts; not in the paper.
    """

    image: float = Field(default=1.0, ge=0)
    lut: float = Field(default=1.0, ge=0)
    base: float = Field(default=1.0, ge=0)
    roughness: float = Field(default=0.0, ge=0)
    root: bool = False
    composited: bool = False


class Stage(Section):
    """A stage of training.

    Attributes:
        trains: The parts to train; the others are frozen, with their BatchNorm statistics.
        size: The side of the square pictures in pixels.
        smaller: Further sides, with which batches alternate: in smaller pictures mask edges are crisper.
        base_size: The base size; the network's own by default.
        window: The side of the part of pictures that is rendered and scored; the whole picture by default.
        batch: The number of pictures per step, over all processes.
        accumulate: The number of parts in which a batch is computed sequentially, to save memory.
        samples: The number of pictures; alternatively
        epochs: the number of passes over the data set.
        rate: The peak learning rate of Adam.
        weight_decay: Decoupled weight decay, as in AdamW.
        schedule: "steps" lowers the rate to a tenth after 50/120 and 100/120 of the stage, as published;
            "cosine" keeps it for two fifths of the stage, then lowers it to 1 %.
        warmup: The number of steps in which the rate rises.
        clip: The largest norm of the gradient.
        losses: The weights of the losses.
        smallest_foreground: The least number of foreground pixels in the loss, to which smaller ones are
            raised.
        precision: The precision of convolutions; tables, losses and the weights are float32 even with
            bfloat16. float64 is for comparing runs.
        average: Whether to average the resulting weights over the last tenth of the stage.
        fixed_statistics: Whether BatchNorm uses its running statistics, as at inference, instead of those of
            batches, which are noisy.
    """

    trains: tuple[Part, ...]
    size: PositiveInt
    smaller: tuple[PositiveInt, ...] = ()
    base_size: PositiveInt | None = Field(default=None, multiple_of=8)
    window: PositiveInt | None = None
    batch: PositiveInt
    accumulate: PositiveInt = 1
    samples: PositiveInt | None = None
    epochs: PositiveInt | None = None
    rate: PositiveFloat = 1e-3
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["steps", "cosine"] = "steps"
    warmup: int = Field(default=0, ge=0)
    clip: PositiveFloat | None = None
    losses: Losses = Losses()
    smallest_foreground: PositiveFloat = 100.0
    precision: Literal["float64", "float32", "bfloat16"] = "float32"
    average: bool = False
    fixed_statistics: bool = False

    @model_validator(mode="after")
    def _check(self) -> "Stage":
        if not self.trains:
            raise ValueError("a stage must train at least one part")
        if (self.samples is None) == (self.epochs is None):
            raise ValueError("give either samples or epochs")
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be computed in {self.accumulate} equal parts")
        if any(size >= self.size for size in self.smaller):
            raise ValueError(f"the sizes in `smaller` must be smaller than {self.size}")
        if self.window is not None and self.window > self.size:
            raise ValueError(f"the window ({self.window}) is larger than the picture ({self.size})")
        return self

    @property
    def part(self) -> int:
        """The number of pictures that are computed at once, over all processes."""
        return self.batch // self.accumulate

    def size_at(self, sample: int) -> int:
        """Return the side of the pictures of the batch that begins at a sample of the run."""
        sizes = (self.size, *self.smaller)
        return sizes[sample // self.batch % len(sizes)]

    def rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of a step."""
        progress = step / steps
        if self.schedule == "steps":
            factor = 0.1 ** sum(progress >= milestone for milestone in (50 / 120, 100 / 120))
        else:
            factor = 0.01 + 0.99 * (1 + cos(pi * max(progress - 0.4, 0.0) / 0.6)) / 2
        return self.rate * factor * min((step + 1) / (self.warmup or 1), 1.0)


class Watch(Section):
    """Settings of logs and of weights that are kept; only `patience` affects the training.

    Attributes:
        log_every: Steps between lines of `steps.csv`.
        validate_every: Steps between scores; by default ten times per stage.
        best: Picture and metric that determine the best weights: "image", "lut" or "base", and "psnr", "fmse"
            or "worse".
        patience: The number of scores in a row that are no better than the best, after which the stage ends;
            never if None.
        keep: The number of recently scored weights that are kept, as `weights-<samples>.safetensors`.
    """

    log_every: PositiveInt = 20
    validate_every: PositiveInt | None = None
    best: str = Field(default="image fmse", pattern=r"^(image|lut|base) (psnr|fmse|worse)$")
    patience: PositiveInt | None = None
    keep: int = Field(default=0, ge=0)


class Recipe(Section):
    """Everything that a training run depends on.

    Attributes:
        about: The purpose of the recipe, in a sentence.
        model: The network.
        data: The training data.
        initial: The shipped model or weights file (of this package, or a .pth of CDTNet or iSSAM) from which
            each part is loaded.
        open_gates: Whether to start with open blending gates, so that training begins at the unchanged
            picture; for parts without initial weights, and if the refinement does not correct a sum.
        seed: The seed of all random numbers.
        watch: Settings of logs and of weights that are kept.
        stages: The stages, in order.
    """

    about: str
    model: Annotated[Config, BeforeValidator(lambda v: _known(v, Config.__dataclass_fields__))]
    data: TripletData | PhotoData = Field(discriminator="kind")
    initial: dict[Literal["generator", "color_mapping", "refinement"], str] = {}
    open_gates: bool = False
    seed: int = 0
    watch: Watch = Watch()
    stages: tuple[Stage, ...]

    @model_validator(mode="after")
    def _check(self) -> "Recipe":
        if not self.stages:
            raise ValueError("a recipe needs at least one stage")
        missing = {"is2am": {"color_mapping", "refinement"}, "cdtnet-sim": {"refinement"}, "cdtnet": set()}
        absent = missing[self.model.variant] & {*self.initial, *(p for s in self.stages for p in s.trains)}
        if absent:
            raise ValueError(f"{self.model.variant} has no {' or '.join(sorted(absent))}")
        if self.data.kind == "photos" and any(stage.samples is None for stage in self.stages):
            raise ValueError("composites made on the fly have no epochs; give samples")
        return self


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        path: The YAML file. With `like: OTHER.yaml` it is that recipe, changed by its other keys.
        changes: "key=value", where the key may be a path such as `data.root` or `stages.0.batch`.

    Raises:
        DataError: The recipe is invalid; the message names the place and the expected value.
    """
    content = _read(path)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise DataError(f"{change!r} is not a change; write KEY=VALUE, such as stages.0.batch=8.")
        _change(content, key, _parse(value, change))
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise DataError(f"The recipe {path} cannot be used: {'; '.join(_sentences(error))}.") from error


def _read(path: Path, before: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a recipe without checking it; `before` are the recipes in the chain of `like` so far."""
    try:
        check_regular(path)
        content = _parse(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The recipe {path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"The recipe {path} is not a table of keys and values.")
    if "like" not in content:
        return content
    origin = (path.parent / str(content.pop("like"))).resolve()
    if origin in before:
        raise DataError(f"In the recipe {path}, `like: {origin}` closes a cycle of recipes; remove it.")
    result = _read(origin, (*before, origin))
    for key, value in content.items():
        _change(result, str(key), value)
    return result


def _parse(text: str, what: object) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # for invalid dates, long numbers, …
        raise DataError(f"{what} is not YAML: {' '.join(str(error).split())}.") from error


def _change(content: Any, key: str, value: Any) -> None:
    """Set the value at a path such as `stages.0.batch`; data of another kind replace the whole section."""
    if key == "data.kind" and isinstance(content.get("data"), dict) and content["data"].get("kind") != value:
        content["data"] = {}
    *parents, last = key.split(".")
    try:
        for parent in parents:
            content = content[int(parent)] if isinstance(content, list) else content.setdefault(parent, {})
        content[int(last) if isinstance(content, list) else last] = value
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"There is no {key} to change in the recipe.") from error


def _sentences(error: ValidationError) -> list[str]:
    problems = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{place}: {message}" if place else message)
    return problems
