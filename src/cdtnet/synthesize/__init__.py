"""Data sets in the published layouts, made from a user's own pictures."""
