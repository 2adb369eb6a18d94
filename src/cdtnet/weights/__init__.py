"""Weights: those that ship with the package, and reading those of others."""

from .loading import SHIPPED, load_model
from .storage import Card, read_weights, write_weights

__all__ = ["SHIPPED", "Card", "load_model", "read_weights", "write_weights"]
