"""What the web faces share, and the HTTP server."""
