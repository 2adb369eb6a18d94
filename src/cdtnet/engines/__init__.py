"""Runtimes that analyse and render pictures; `harmonizer.py` is the one way through them."""
