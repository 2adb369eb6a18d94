"""Film: a foreground harmonized from frame to frame, steady within each shot."""
