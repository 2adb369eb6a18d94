"""Evaluation of harmonization: metrics by convention, classical methods, tables and reports."""
