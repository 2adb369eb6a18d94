"""How a harmonized foreground is steered, in the words of every face; `steering` has the formulas."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import PictureError


def _number(default: float, least: float, most: float, meaning: str) -> Any:
    return field(default=default, metadata={"least": least, "most": most, "meaning": meaning})


@dataclass(frozen=True)
class Controls:
    """How a harmonized foreground is steered.

    The fields' metadata hold their ranges ("least", "most") and what they do ("meaning"), for every face.

    Attributes:
        strength: 0..1, how much of the change is made.
        tone: 0..2, how much of the change of lightness; it multiplies `strength`.
        color: 0..2, the same for the change of color.
        keep_hue: Whether the composite's hues are kept.
        brightness: -100..100, as the others below; 0 changes nothing.
        contrast: About the foreground's mean luma.
        warmth: Above 0 towards red, below towards blue.
        tint: Above 0 towards magenta, below towards green.
        saturation: -100 is gray.

    Raises:
        PictureError: One of them is out of its range.
    """

    strength: float = _number(1.0, 0, 1, "0 leaves the composite as it is, 1 harmonizes fully")
    tone: float = _number(1.0, 0, 2, "how much of the change of lightness is made")
    color: float = _number(1.0, 0, 2, "how much of the change of color is made")
    keep_hue: bool = field(default=False, metadata={"meaning": "keep the hues of the composite"})
    brightness: float = _number(0.0, -100, 100, "makes the foreground darker or brighter")
    contrast: float = _number(0.0, -100, 100, "lowers or raises the foreground's contrast")
    warmth: float = _number(0.0, -100, 100, "makes the foreground cooler or warmer")
    tint: float = _number(0.0, -100, 100, "moves the foreground to green or magenta")
    saturation: float = _number(0.0, -100, 100, "lowers or raises the foreground's saturation")

    def __post_init__(self) -> None:
        for each in NUMBERS:
            value, least, most = getattr(self, each.name), each.metadata["least"], each.metadata["most"]
            if not least <= value <= most:
                name = each.name.replace("_", " ")
                raise PictureError(f"The {name} must be between {least} and {most}, not {value}.")

    @property
    def plain(self) -> float | None:
        """The share of the change that is made, where that is all there is to do; else None."""
        corrected = self.keep_hue or any(getattr(self, name) for name in CORRECTIONS)
        return None if corrected or self.tone != self.color else self.strength * self.tone


NUMBERS = tuple(each for each in fields(Controls) if "least" in each.metadata)
CORRECTIONS = ("brightness", "contrast", "warmth", "tint", "saturation")
WORDS = tuple(each.name for each in fields(Controls))
