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


def label_of(name: str) -> str:
    """What tables call a baseline, a shipped model, or a file of weights."""
    return BASELINES.get(name, Path(name).stem if Path(name).suffix == ".safetensors" else Path(name).name)
