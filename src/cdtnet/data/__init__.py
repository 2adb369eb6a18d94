"""Training data: photographs, masks, and composites made from them."""
