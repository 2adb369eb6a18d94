"""Names of the methods to compare with; light, so that the command line can list them."""

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
"""As `cdtnet evaluate --baseline` takes them → as tables have them."""


OF_RUNS = ("weights.safetensors", "best.safetensors", "checkpoint.pt")
"""Files of a run's folder, whose name says less than the folder's."""


def label_of(name: str) -> str:
    """Return the label of a baseline, a shipped model, or a weights file in tables."""
    path = Path(name)
    if path.name in OF_RUNS and path.parent.name:
        return f"{path.parent.name}/{path.stem}"
    return BASELINES.get(name, path.stem if path.suffix == ".safetensors" else path.name)
