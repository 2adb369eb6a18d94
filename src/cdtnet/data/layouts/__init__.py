"""How published data sets are laid out: a module each, with `EXPECTS` (in words) and `find`."""

from . import iharmony4
from .base import Files, Found, Problem, Sample

LAYOUTS = {"iharmony4": iharmony4}

__all__ = ["LAYOUTS", "Files", "Found", "Problem", "Sample"]
