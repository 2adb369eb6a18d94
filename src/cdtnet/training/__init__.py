"""Training of the networks on composites made on the fly."""
