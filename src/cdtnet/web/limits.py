"""Limits of one request, and of slow clients."""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 30.0  # seconds for a request's head, the beginning of its body, each part of a response


@dataclass(frozen=True)
class Limits:
    """Limits of one request.

    Attributes:
        max_bytes: The longest body.
        max_pixels: The most pixels of a picture, checked against its header before it is decoded.
        timeout: Seconds from a request's arrival to its answer.
    """

    max_bytes: int = 200_000_000
    max_pixels: int = 100_000_000
    timeout: float = 120
