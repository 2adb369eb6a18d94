"""Outputs of the authors' published code, and the weights of that computation."""
