"""Video: harmonize a foreground without flicker within each shot."""
