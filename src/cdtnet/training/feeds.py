"""The sources of training batches: triplets on disk, or composites made on the fly.

The data of a step depend only on the recipe's seed and the step's position in the run, not on the number of
processes or workers, nor on interruptions.
"""

import random
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..composites.photos import Photo, PhotoStore, find_photos, load_photos
from ..composites.synthesis import Triplet, draw
from ..datasets.samples import Arrays, Sample, open_dataset, read_sample, resize_arrays
from ..errors import DataError
from ..system.machine import available_cores
from .distributed import Processes
from .recipe import PhotoData, Stage, TripletData


class Feed(Protocol):
    """Training and validation batches of one data set."""

    def samples(self, stage: Stage) -> int:
        """Return the number of pictures that a stage trains on."""

    def batches(self, stage: Stage, first: int, end: int) -> Iterator[Triplet]:
        """Yield this process's parts of the batches between two samples of the run."""

    def validation(self, stage: Stage) -> Iterator[Triplet]:
        """Yield batches of the composites on which a stage is scored, always the same."""


class PhotoFeed:
    """Composites made on the fly; photographs are in the device's memory, at the size of the stage."""

    def __init__(self, data: PhotoData, seed: int, processes: Processes):
        photos = find_photos(data.photos, data.masks)
        self.held_out = [photo for photo in photos if photo.source in data.held_out]
        wanted = {photo.source for photo in photos} if data.sources is None else set(data.sources)
        self.photos = [photo for photo in photos if photo.source in wanted - {*data.held_out}]
        if not self.held_out or not self.photos:
            sources = ", ".join(sorted({photo.source for photo in photos}))
            raise DataError(
                f"Set data.held_out to some of the sources {sources}, and data.sources to others or none."
            )
        self.data, self.seed, self.processes = data, seed, processes
        self.scored: PhotoStore | None = None  # held-out photographs at the last requested size

    def samples(self, stage: Stage) -> int:
        """Return the number of composites that a stage trains on."""
        assert stage.samples is not None  # checked by the recipe
        return stage.samples

    def batches(self, stage: Stage, first: int, end: int) -> Iterator[Triplet]:
        """Yield this process's share of the batches, which all processes draw in the same way."""
        # Photographs are stored slightly larger than the stage's size; full ones would not fit into memory.
        store = self._load(self.photos, stage.size * 5 // 4 if stage.size <= 256 else stage.size)
        generator = torch.Generator(self.processes.device)
        for sample, size in _parts(stage, first, end):
            generator.manual_seed(_mix(self.seed, sample))
            yield Triplet(*map(self.processes.share, draw(store, stage.part, size, generator)))

    def validation(self, stage: Stage) -> Iterator[Triplet]:
        """Yield composites of the held-out sources; fewer if pictures are large, which takes longer."""
        if self.scored is None or self.scored.size != stage.size:
            self.scored = self._load(self.held_out, stage.size)
        generator = torch.Generator(self.processes.device).manual_seed(0)
        batch = min(max(_scored_at_once(stage.size), 2), 16)  # at least 2: colors come from other pictures
        for _ in range(max(self.data.validation * 64 // max(stage.size, 64), 16) // batch):
            yield draw(self.scored, batch, stage.size, generator)

    def _load(self, photos: Sequence[Photo], size: int) -> PhotoStore:
        return load_photos(photos, size).to(self.processes.device)


class TripletFeed:
    """Triplets of a data set on disk, read ahead by worker processes."""

    def __init__(self, data: TripletData, seed: int, processes: Processes):
        dataset = open_dataset(data.root, layout=data.layout, subsets=data.subsets)
        if dataset.problems:
            told = f"{len(dataset.problems)} triplets are incomplete, the first: {dataset.problems[0]}"
            if data.damaged == "fail":
                raise DataError(f"{told} To continue without them, set data.damaged=skip.")
            tqdm.write(told)
        with_real = [sample for sample in dataset.samples if sample.real is not None]
        self.train = [sample for sample in with_real if not _is_validation(sample)]
        self.test = [sample for sample in with_real if _is_validation(sample)]
        if not self.train or not self.test:
            raise DataError(
                f"{data.root} has {len(self.train)} triplets for training and {len(self.test)} for "
                "validation, but needs some of both; see `cdtnet data check`."
            )
        self.data, self.seed, self.processes = data, seed, processes
        self.named: set[str] = set()  # triplets that were reported as damaged
        self.scored: tuple[int, DataLoader[Item]] | None = None  # size and reader of the validation triplets

    def samples(self, stage: Stage) -> int:
        """Return the number of triplets that a stage trains on, the same ones in each epoch."""
        return stage.samples or (stage.epochs or 0) * len(self.train)

    def batches(self, stage: Stage, first: int, end: int) -> Iterator[Triplet]:
        """Yield random crops, flipped half of the time, in a new random order in every epoch."""
        crops = _Crops(self.train, self.seed, self.data.damaged)
        return self._read(self._loader(crops, _Steps(stage, first, end, self.processes)))

    def validation(self, stage: Stage) -> Iterator[Triplet]:
        """Yield evenly spaced triplets of the test split, whole, resized to the stage's size."""
        if self.scored is None or self.scored[0] != stage.size:
            count = min(self.data.validation, len(self.test))
            chosen = [self.test[k * len(self.test) // count] for k in range(count)]
            batch = _scored_at_once(stage.size)
            places = [(place, stage.size) for place in range(count)]
            keys = [places[at : at + batch] for at in range(0, count, batch)]
            squares = _Squares(chosen, self.seed, self.data.damaged)
            self.scored = stage.size, self._loader(squares, keys)
        return self._read(self.scored[1])

    def _loader(self, pictures: "_Squares", keys: Iterable[list[tuple[int, int]]]) -> "DataLoader[Item]":
        workers = min(self.data.workers, available_cores())
        return DataLoader(
            pictures,
            batch_sampler=keys,
            num_workers=workers,
            collate_fn=list,
            multiprocessing_context="spawn" if workers else None,  # libvips does not survive a fork
            persistent_workers=workers > 0,
            worker_init_fn=_outlive_one_signal if workers else None,
        )

    def _read(self, loader: "DataLoader[Item]") -> Iterator[Triplet]:
        for items in _ended_in_words(loader):
            for problem in (problem for item in items for problem in item.problems):
                if self.data.damaged == "fail":
                    raise DataError(f"{problem} To continue without it, set data.damaged=skip.")
                if problem not in self.named:
                    self.named.add(problem)
                    tqdm.write(f"Skipped: {problem}")
            columns = zip(*(item.triplet for item in items), strict=True)
            stacked = (torch.stack(tensors) for tensors in columns)
            yield Triplet(*(tensor.to(self.processes.device).float() / 255 for tensor in stacked))


@dataclass(frozen=True)
class _Steps(Iterable[list[tuple[int, int]]]):
    """The keys of this process's parts of batches, generated lazily, because a run has millions of them."""

    stage: Stage
    first: int
    end: int
    processes: Processes

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for at, size in _parts(self.stage, self.first, self.end):
            yield [(place, size) for place in self.processes.share([*range(at, at + self.stage.part)])]


class WorkerLostError(DataError):
    """A worker process has ended, so the next batch is not available."""

    def __init__(self) -> None:
        super().__init__(
            "A process that reads pictures has died, perhaps for lack of memory; "
            "run the same command with fewer data.workers to resume."
        )


def _outlive_one_signal(_worker: int) -> None:
    """Make a worker process ignore the first SIGINT or SIGTERM, because the training process stops it.

    Ctrl-C and schedulers send signals to all processes. A second SIGTERM ends a worker that does not stop.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _frame: signal.signal(number, signal.SIG_DFL) and None)


def _ended_in_words(loader: "DataLoader[Item]") -> Iterator[Any]:
    """Iterate over a loader, and raise a clear error if a worker is lost.

    Raises:
        WorkerLostError: A worker process was killed.
    """
    try:
        yield from loader
    except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:
        if not is_worker_lost(error):
            raise
        ignore_further_losses()
        raise WorkerLostError from error


def ignore_further_losses() -> None:
    """Disable PyTorch's handler of SIGCHLD.

    The handler raises an error for every worker that has ended, at any point of the program: while a
    checkpoint is written, or in a destructor, which prints a traceback. Without it, loaders detect the loss
    later.
    """
    if hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def is_worker_lost(error: Exception) -> bool:
    """Check whether an error is PyTorch's after a worker was killed."""
    said = str(error)
    if said.startswith("Caught "):  # an error raised in the worker itself
        return False
    return not isinstance(error, RuntimeError) or "DataLoader worker" in said


def open_feed(data: PhotoData | TripletData, seed: int, processes: Processes) -> Feed:
    """Open the feed of a recipe's data section."""
    return (PhotoFeed if data.kind == "photos" else TripletFeed)(data, seed, processes)  # type: ignore[arg-type]


def _parts(stage: Stage, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the first sample and the size of the parts of batches within a range of samples."""
    for batch in range(first, end, stage.batch):
        for part in range(batch, batch + stage.batch, stage.part):
            yield part, stage.size_at(batch)


def _scored_at_once(size: int) -> int:
    """Return the number of pictures of this side in a validation batch, limited by memory."""
    return max(16 * 64 // size, 1)


def _is_validation(sample: Sample) -> bool:
    """Decide by the data set's lists; without lists, use a tenth of the photographs."""
    assert sample.real is not None
    return sample.split == "test" if sample.split else crc32(sample.real.path.encode()) % 10 == 0


class Item(NamedTuple):
    """A triplet, uint8 (3,S,S), (1,S,S), (3,S,S), and the problems of triplets that it replaces."""

    triplet: tuple[Tensor, ...]
    problems: tuple[str, ...]


@dataclass
class _Squares(Dataset[Item]):
    """Whole pictures, resized to squares; keys are a position and a side."""

    samples: Sequence[Sample]
    seed: int
    damaged: str

    def __getitem__(self, key: tuple[int, int]) -> Item:
        """Return the triplet at a position, or the next one that is not damaged."""
        position, size = key
        problems = []
        for index in range(len(self.samples)):
            try:
                arrays = read_sample(self._sample(position + index))
                break
            except DataError as error:
                problems.append(str(error))
                if self.damaged == "fail":
                    return Item((), tuple(problems))
        else:
            raise DataError("No triplet of this data set can be read; see `cdtnet data check`.")
        return Item(_tensors(self._prepare(arrays, position, size)), tuple(problems))

    def _sample(self, position: int) -> Sample:
        return self.samples[position % len(self.samples)]

    def _prepare(self, arrays: Arrays, position: int, size: int) -> Arrays:
        return resize_arrays(arrays, size)


class _Crops(_Squares):
    """Random resized crops of half the area or more, with some foreground, flipped half of the time."""

    def _sample(self, position: int) -> Sample:
        epoch, place = divmod(position, len(self.samples))
        generator = torch.Generator().manual_seed(_mix(self.seed, epoch))
        return self.samples[int(torch.randperm(len(self.samples), generator=generator)[place])]

    def _prepare(self, arrays: Arrays, position: int, size: int) -> Arrays:
        rng = random.Random(_mix(self.seed, position))
        height, width = arrays.mask.shape
        crop = arrays
        for _ in range(10):
            rows, columns = _random_window(rng, height, width)
            if arrays.mask[rows, columns].any():
                crop = Arrays(*(array[rows, columns] for array in arrays if array is not None))
                break
        square = resize_arrays(crop, size)
        flip = -1 if rng.random() < 0.5 else 1
        return Arrays(*(array[:, ::flip] for array in square if array is not None))


def _mix(seed: int, place: int) -> int:
    """Make a 32-bit seed for a position in a run; PyTorch's generator ignores higher bits."""
    return crc32(f"{seed} {place}".encode())


def _random_window(rng: random.Random, height: int, width: int) -> tuple[slice, slice]:
    """Draw a window of half the area or more, with an aspect ratio changed by up to a third."""
    area, stretch = rng.uniform(0.5, 1.0), rng.uniform(0.75, 4 / 3)
    rows = min(max(round(height * (area / stretch) ** 0.5), 1), height)
    columns = min(max(round(width * (area * stretch) ** 0.5), 1), width)
    top, left = rng.randint(0, height - rows), rng.randint(0, width - columns)
    return slice(top, top + rows), slice(left, left + columns)


def _tensors(arrays: Arrays) -> tuple[Tensor, ...]:
    """Convert (H,W,C) or (H,W) arrays to (C,H,W) tensors."""
    return tuple(
        torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.atleast_3d(array), -1, 0)))
        for array in arrays
        if array is not None
    )
