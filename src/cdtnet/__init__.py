"""cdtnet: high-resolution image harmonization."""
