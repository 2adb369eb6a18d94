"""`cdtnet batch`: harmonize all pictures of a folder, archive, pattern or store."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from ..errors import CdtnetError
from ..imaging.formats import WRITTEN
from ..system.machine import available_cores, share_cores
from ..system.signals import StopSignal
from .options import (
    add_control_options,
    add_mask_options,
    add_model_options,
    add_record_option,
    count,
    progress_bar,
    runtime,
    say,
    some,
)
from .pictures import add_color_options, add_label_option, add_quality_option, options_of

if TYPE_CHECKING:
    from ..batch.jobs import Jobs
    from ..batch.running import Machine, Todo
    from ..batch.stores import Store
    from ..batch.work import BatchOptions, BatchRecord

    Work = Callable[[Sequence[Todo]], Iterator[BatchRecord]]

MEMORY = 1 << 30  # bytes of pictures in progress
PAUSE = 1.0  # seconds between checks of a watched folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add = parser.add_argument
    add("source", metavar="IN", help="folder, zip, tar, manifest, pattern such as 'in/**/*.jpg', or s3://…")
    add(
        "out",
        metavar="OUT",
        help="folder or s3://… for the results, under the composites' paths, and the table",
    )
    add_model_options(parser)
    add("--mask", metavar="FILE", help="one mask for all pictures in IN")
    add("--layout", default="auto", help="layout of IN, if it is not recognized (default: auto)")
    add(
        "--format",
        choices=[format_.suffix[1:] for format_ in WRITTEN.values()],
        help="format of the results (default: that of each composite's suffix)",
    )
    add_control_options(parser)
    add_mask_options(parser)
    add_quality_option(parser)
    add_label_option(parser)
    add_color_options(parser)
    add_record_option(parser)
    add("--workers", type=count, help="pictures processed at a time (default: one per core)")
    add("--watch", action="store_true", help="keep processing new files in IN until Ctrl-C")
    add("--ray", metavar="ADDRESS", help="use this Ray cluster; local starts one on this machine")


def run(arguments: argparse.Namespace) -> None:
    """Harmonize the pictures that are not done yet; the destination is the one line on stdout."""
    if arguments.watch and (arguments.ray or not os.path.isdir(arguments.source)):
        raise CdtnetError("--watch needs a folder and cannot be combined with --ray.")
    arguments.workers = arguments.workers or (None if arguments.ray else available_cores())
    if arguments.workers and not arguments.ray:
        share_cores(arguments.workers)
    failed = _run(arguments)
    print(arguments.out)
    if failed:
        raise CdtnetError(f"{some(failed, 'picture')} failed; results.jsonl in {arguments.out} says why.")


def _run(arguments: argparse.Namespace) -> int:
    """Run the batch, and return the number of failed pictures."""
    from ..batch.results import Results
    from ..batch.rounds import Batch
    from ..batch.stores import open_store
    from ..batch.work import BatchOptions
    from ..imaging.profiles import given
    from ..weights import load_weights

    options = BatchOptions(
        **vars(
            options_of(arguments).but(profile=arguments.profile and _everywhere(arguments, arguments.profile))
        ),
        model=arguments.model,
        suffix=_suffix(arguments),
        record=arguments.record,
        runtime=runtime(arguments),
    )
    # Report missing files before anything is written.
    load_weights(arguments.model)
    if options.profile:
        given(options.profile)
    found = None if arguments.watch else _find(arguments)
    store = open_store(_everywhere(arguments, arguments.out))
    with store.locked(), StopSignal() as signal:
        results, before = Results(store, options), 0
        with results.closing(), progress_bar("harmonizing", "pictures", delay=0) as progress:
            workplace = _cluster if arguments.ray else _machine
            work = workplace(arguments, options, store, lambda: signal.received)
            begin = partial(progress, 0)
            batch = Batch(results, work, begin, partial(_report, progress), lambda: signal.received)
            if found is None:
                say(f"Watching {arguments.source} for pictures and their masks; Ctrl-C stops.")
                batch.watch(partial(_find, arguments), PAUSE)
            else:
                before = batch.once(found)
        done, failed = results.counts["done"], results.counts["failed"]
        skipped = f" Skipped: {results.counts['skipped']:,}." if results.counts["skipped"] else ""
        say(f"Harmonized: {done:,}. Failed: {failed:,}. Done before: {before:,}.{skipped}")
        if done:
            say(_outcomes(results.counts))
        if signal.received and not arguments.watch:
            say("cdtnet: Interrupted; run the same command to resume.")
            raise SystemExit(130)
    return failed


def _outcomes(counts: Mapping[str, int]) -> str:
    """Describe the outcomes of the done pictures in a line."""
    changed, nearly, odd = (counts[key] for key in ("changed", "nearly unchanged", "suspicious mask"))
    where = " results.jsonl says why." if nearly or odd else ""
    return f"Changed: {changed:,}. Nearly unchanged: {nearly:,}. Suspicious masks: {odd:,}.{where}"


def _find(arguments: argparse.Namespace) -> Jobs:
    from ..batch.jobs import find_jobs

    return find_jobs(
        _everywhere(arguments, arguments.source),
        _everywhere(arguments, arguments.out),
        mask=arguments.mask and _everywhere(arguments, arguments.mask),
        layout=arguments.layout,
        suffix=_suffix(arguments),
    )


def _suffix(arguments: argparse.Namespace) -> str | None:
    return f".{arguments.format}" if arguments.format else None


def _everywhere(arguments: argparse.Namespace, name: str) -> str:
    """Return a path that does not depend on the working folder, for a cluster's processes."""
    from ..batch.stores import is_address

    return os.path.abspath(name) if arguments.ray and not is_address(name) else name


def _machine(
    arguments: argparse.Namespace, options: BatchOptions, store: Store, stopped: Callable[[], bool]
) -> Work:
    """Process pictures on this machine; the model is loaded on first use."""

    @cache
    def machine() -> Machine:
        from ..batch.running import Budget, Machine
        from ..inference.harmonizer import Harmonizer

        harmonizer = Harmonizer(options.model, **options.runtime)
        return Machine(harmonizer, store, options, arguments.workers, Budget(MEMORY), stopped)

    return lambda todo: machine().run(todo)


def _cluster(
    arguments: argparse.Namespace, options: BatchOptions, store: Store, stopped: Callable[[], bool]
) -> Work:
    """Process pictures on a cluster, connected only while there is work."""
    from ..batch import cluster

    def work(todo: Sequence[Todo]) -> Iterator[BatchRecord]:
        with cluster.connected(arguments.ray):
            yield from cluster.run(todo, store, options, workers=arguments.workers, stopped=stopped)

    return work


def _report(progress: Callable[[int, int], None], record: BatchRecord, done: int, total: int) -> None:
    if record.status == "failed":
        say(f"Failed: {record.output}: {record.reason}" if record.output else record.reason)
    elif record.status == "skipped":
        say(f"Skipped: {record.reason}")
    elif record.reason:
        say(f"{record.output}: {record.reason}")
    progress(done, total)
