"""Measuring harmonization: metrics by convention, and classical methods to compare with."""
