"""Measure how close tables come to the results of `cdtnet-256` on the example composites: docs/lut-fit.md.

python benchmarks/lut_fit.py > docs/lut-fit.md
"""

import platform
import warnings
from datetime import date
from pathlib import Path

import numpy as np

from cdtnet import Harmonizer
from cdtnet.inference.fitting import distance, fit_lut

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore", UserWarning)
    harmonizer = Harmonizer("cdtnet-256")
    rows = []
    for path in sorted(PHOTOS.glob("*_composite.jpg")):
        name = path.name.removesuffix("_composite.jpg")
        result = harmonizer(path, PHOTOS / f"{name}_mask.png", keep=True)
        fit = fit_lut(result)
        assert fit
        assert result.lut
        rows.append((name, *distance(result.lut, result), fit.mean, fit.most))
    print("# Fitted tables: figures\n")
    print(f"Made by `python benchmarks/lut_fit.py` on {date.today()}, {platform.machine()}. Difference")
    print("in levels of 255 between the harmonized foreground of `cdtnet-256` and a table applied to the")
    print(
        "composite, in the channel with the largest difference: the mean over pixels, and the bound for 95 %"
    )
    print("of the pixels.\n")
    print("| composite | the network's own table | fitted table |\n|---|---|---|")
    for name, *values in rows:
        print("| {} | {:.1f}, 95 % within {:.1f} | {:.1f}, 95 % within {:.1f} |".format(name, *values))
    means = np.mean([row[1:] for row in rows], axis=0)
    print("| **mean** | {:.1f}, {:.1f} | {:.1f}, {:.1f} |".format(*means))


if __name__ == "__main__":
    main()
