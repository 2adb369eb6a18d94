"""Harmonizing a picture: analysis, rendering and options."""
