"""The error of a composite."""

from torch import Tensor


def fmse(difference: Tensor, mask: Tensor) -> Tensor:
    """Compute the foreground MSE (B,) in squared 8-bit levels, as `evaluation.metrics.fmse` does.

    Args:
        difference: (B,3,H,W), the difference of pictures in 0..1.
        mask: (B,1,H,W).
    """
    return 255.0**2 * (mask * difference**2).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3)) + 1e-6)
