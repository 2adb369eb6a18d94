"""Limits of requests and of slow clients."""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 30.0  # seconds for the headers of a request, the beginning of its body, each part of a response


@dataclass(frozen=True)
class Limits:
    """Limits of a request.

    Attributes:
        max_bytes: The largest body in bytes.
        max_pixels: The largest number of pixels, checked in a picture's header before decoding.
        timeout: Seconds from the arrival of a request to its response.
    """

    max_bytes: int = 200_000_000
    max_pixels: int = 100_000_000
    timeout: float = 120
