"""Making data sets in the published layouts from a user's own pictures."""
