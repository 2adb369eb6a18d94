"""The page for harmonizing pictures in a browser, and its server."""
