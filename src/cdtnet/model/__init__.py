"""The paper's figure: generator, colour mapping and refinement, wired in `cdtnet.py`."""

from .cdtnet import Analysis, CDTNet, Config, LowInput, Output, Variant
from .refinement import HALO

__all__ = ["HALO", "Analysis", "CDTNet", "Config", "LowInput", "Output", "Variant"]
