"""Weights files: the shipped ones, and reading and writing others."""

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
