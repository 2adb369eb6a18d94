"""Weights: those that ship with the package, and reading those of others."""

from .loading import SHIPPED, Weights, load_weights
from .storage import CONFIG_ENTRY, Card, Entries, read_weights, write_weights

__all__ = [
    "CONFIG_ENTRY",
    "SHIPPED",
    "Card",
    "Entries",
    "Weights",
    "load_weights",
    "read_weights",
    "write_weights",
]
