"""Random composites of photographs, made on the fly for training."""
