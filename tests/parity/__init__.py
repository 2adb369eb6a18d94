"""Numbers computed by the authors' published code, and the weights they were computed with."""
