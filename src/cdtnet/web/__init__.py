"""Shared parts of the web faces, and the HTTP server."""
