"""Training on several processes, one per GPU, started by `torchrun` on one or several machines."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import CdtnetError

Items = TypeVar("Items", Tensor, list[int])


@dataclass(frozen=True)
class Processes:
    """The rank and device of this process in the run."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def share(self, batch: Items) -> Items:
        """Return this process's part of a sequence with one item per picture of a batch."""
        part = len(batch) // self.count
        return batch[self.rank * part : (self.rank + 1) * part]

    def mean(self, value: Tensor) -> Tensor:
        """Average over all processes."""
        if self.count > 1:
            value = value.clone()
            dist.all_reduce(value)
        return value / self.count

    def agree(self, decision: bool) -> bool:
        """Return the decision of the first process."""
        if self.count == 1:
            return decision
        told = torch.tensor([decision], dtype=torch.int32, device=self.device)
        dist.broadcast(told, 0)
        return bool(told.item())

    def wait(self) -> None:
        """Wait for all processes."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the processes that `torchrun` has started; without `torchrun`, there is one process.

    Args:
        device: "auto", or a PyTorch device; "cuda" is the GPU of this process's local rank.

    Raises:
        CdtnetError: The device does not exist or cannot be used, or another process has ended.
    """
    place = _device(device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu")
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        yield Processes(place)
        return
    try:
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    except RuntimeError as error:
        raise CdtnetError("The other processes cannot be reached; see their messages.") from error
    try:
        yield Processes(place, dist.get_rank(), count)
    finally:
        dist.destroy_process_group()


def _device(name: str) -> torch.device:
    """Return the device of that name, after testing it."""
    try:
        place = torch.device(name)
        if place.type == "cuda" and place.index is None:
            place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.zeros(1, device=place).cpu()
        if place.type == "cuda":
            torch.cuda.set_device(place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = ["cpu"]
        there += ["cuda"] if torch.cuda.is_available() else []
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise CdtnetError(f"The device {name!r} cannot be used here; choose {' or '.join(there)}.") from error
    return place


class _SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of the gradients of all processes."""

    @staticmethod
    def forward(_context: Any, tensor: Tensor) -> Tensor:
        result = tensor.clone()
        dist.all_reduce(result)
        return result

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        return _SumOverProcesses.forward(_context, gradient)


class SharedBatchNorm(nn.BatchNorm2d):
    """BatchNorm with the statistics of the batch over all processes, on any device.

    PyTorch's SyncBatchNorm supports only GPUs.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (B,C,H,W) to (B,C,H,W)."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        own = x.to(self.weight.dtype)
        sums = torch.stack((own.sum((0, 2, 3)), own.square().sum((0, 2, 3))))
        count = x.numel() // x.shape[1] * dist.get_world_size()
        mean, square = _SumOverProcesses.apply(sums) / count  # type: ignore[no-untyped-call]
        variance = square - mean**2
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shape = (1, -1, 1, 1)
        return (own * scale.view(shape) + (self.bias - mean * scale).view(shape)).to(x.dtype)


def share_batch_norm(module: nn.Module) -> None:
    """Replace every BatchNorm in a module by `SharedBatchNorm`; names and values are kept."""
    for part in module.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = SharedBatchNorm
