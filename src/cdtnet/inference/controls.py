"""Controls of a harmonized foreground; `steering` has the formulas."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import PictureError


def _number(default: float, least: float, most: float, meaning: str) -> Any:
    return field(default=default, metadata={"least": least, "most": most, "meaning": meaning})


@dataclass(frozen=True)
class Controls:
    """Controls of a harmonized foreground.

    The fields' metadata has their ranges ("least", "most") and meanings ("meaning"), for all front ends.

    Attributes:
        strength: 0..1, the share of the change that is applied.
        tone: 0..2, the factor of the change of lightness; multiplies `strength`.
        color: 0..2, the same for the change of color.
        keep_hue: Whether to keep the composite's hues.
        brightness: -100..100, like those below; 0 changes nothing.
        contrast: Contrast around the foreground's mean luma.
        warmth: Positive towards red, negative towards blue.
        tint: Positive towards magenta, negative towards green.
        saturation: -100 is gray, 100 doubles it.

    Raises:
        PictureError: A value is out of its range.
    """

    strength: float = _number(1.0, 0, 1, "0 leaves the composite as it is, 1 harmonizes fully")
    tone: float = _number(1.0, 0, 2, "factor of the change of lightness")
    color: float = _number(1.0, 0, 2, "factor of the change of color")
    keep_hue: bool = field(default=False, metadata={"meaning": "keep the hues of the composite"})
    brightness: float = _number(0.0, -100, 100, "make the foreground darker or brighter")
    contrast: float = _number(0.0, -100, 100, "lower or raise the foreground's contrast")
    warmth: float = _number(0.0, -100, 100, "make the foreground cooler or warmer")
    tint: float = _number(0.0, -100, 100, "shift the foreground to green or magenta")
    saturation: float = _number(0.0, -100, 100, "lower or raise the foreground's saturation")

    def __post_init__(self) -> None:
        for each in NUMBERS:
            value, least, most = getattr(self, each.name), each.metadata["least"], each.metadata["most"]
            if not least <= value <= most:
                name = each.name.replace("_", " ")
                raise PictureError(f"The {name} must be between {least} and {most}, not {value}.")

    @property
    def plain(self) -> float | None:
        """The share of the change that is applied, if no other control is set; None otherwise."""
        corrected = self.keep_hue or any(getattr(self, name) for name in CORRECTIONS)
        return None if corrected or self.tone != self.color else self.strength * self.tone


NUMBERS = tuple(each for each in fields(Controls) if "least" in each.metadata)
CORRECTIONS = ("brightness", "contrast", "warmth", "tint", "saturation")
WORDS = tuple(each.name for each in fields(Controls))
