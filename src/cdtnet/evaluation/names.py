"""Names of the methods for comparison, for the command line, without importing the methods."""

from pathlib import Path

BASELINES = {
    "composite": "composite",
    "reinhard": "Reinhard",
    "histogram": "Histogram matching",
    "mkl": "MKL",
    "poisson": "Poisson blending",
    "is2am-upsampled": "iS2AM upsampled from 256",
    "is2am-full": "iS2AM at full size",
}
"""The label in tables of each name of `cdtnet evaluate --baseline`."""


OF_RUNS = ("weights.safetensors", "best.safetensors", "checkpoint.pt")
"""File names in a run's folder that are labeled by the folder's name."""


def label_of(name: str) -> str:
    """Return the label of a baseline, a shipped model, or a weights file in tables."""
    path = Path(name)
    if path.name in OF_RUNS and path.parent.name:
        return f"{path.parent.name}/{path.stem}"
    return BASELINES.get(name, path.stem if path.suffix == ".safetensors" else path.name)
