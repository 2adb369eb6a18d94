"""Shared parts of the page and the API: the HTTP server, limits and the work queue."""
