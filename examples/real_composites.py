"""Harmonize the cut-and-paste composites in `photos/` and save each with its colour table.

python examples/real_composites.py [OUTPUT_FOLDER] [MODEL]
"""

import sys
from pathlib import Path

import cdtnet

PHOTOS = Path(__file__).parent / "photos"


def main(output: Path = Path("harmonized"), model: str = "cdtnet-256") -> None:
    """One `Harmonizer` for all pictures: the weights are loaded once."""
    output.mkdir(parents=True, exist_ok=True)
    harmonizer = cdtnet.Harmonizer(model)
    for composite in sorted(PHOTOS.glob("*_composite.jpg")):
        name = composite.stem.removesuffix("_composite")
        result = harmonizer(composite, PHOTOS / f"{name}_mask.png")
        result.image.save(output / f"{name}.jpg")
        if result.lut:
            result.lut.save(output / f"{name}.cube")
        print(output / f"{name}.jpg")


if __name__ == "__main__":
    main(*(convert(argument) for convert, argument in zip((Path, str), sys.argv[1:], strict=False)))
