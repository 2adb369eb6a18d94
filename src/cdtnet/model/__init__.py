"""The paper's figure: generator, color mapping and refinement, wired in `cdtnet.py`."""

from ..config import Config
from .cdtnet import Analysis, CDTNet, LowInput, Output
from .loading import load_model, save_model

__all__ = ["Analysis", "CDTNet", "Config", "LowInput", "Output", "load_model", "save_model"]
