"""The network of the paper: generator, color mapping and refinement, combined in `cdtnet.py`."""

from ..config import Config
from .cdtnet import Analysis, CDTNet, LowInput, Output
from .loading import load_model, save_model

__all__ = ["Analysis", "CDTNet", "Config", "LowInput", "Output", "load_model", "save_model"]
