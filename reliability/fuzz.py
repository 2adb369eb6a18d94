"""Feed hostile and broken files to each reader, which must return an object or fail with one clear sentence.

    python reliability/fuzz.py --inputs 20000
    pip install atheris==3.0.0 && python reliability/fuzz.py --inputs 20000 --guided

Each reader runs in its own process, with limited memory and time. Inputs are random mutations of valid files,
the same for the same seed; with `--guided`, atheris (Python 3.11 to 3.13) chooses them by the lines of cdtnet
that they reach. Inputs that break a promise are kept, with the traceback.
"""

import argparse
import hashlib
import importlib
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any

MEMORY = 1 << 30  # limit in bytes for reading one of these small files
SECONDS = 20  # limit of its time
TRIED, OBJECTS, SENTENCES, BROKEN, PEAK, BEFORE = range(6)


def main() -> int:
    """Print the table; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--inputs", type=int, default=20000, help="inputs per reader (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guided", action="store_true", help="use atheris: pip install atheris==3.0.0")
    parser.add_argument("--keep", type=Path, help="folder for inputs that break a promise")
    parser.add_argument("readers", nargs="*", help="readers to test (default: all)")
    arguments = parser.parse_args()
    keep = arguments.keep or Path(tempfile.mkdtemp(prefix="fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    names = arguments.readers or list(_readers())
    print("| reader | inputs | read | clear sentence | broken promises | most memory |")
    print("|---|---|---|---|---|---|", flush=True)
    broken = 0
    for name in names:
        counts = try_reader(name, arguments.inputs, arguments.seed, keep, guided=arguments.guided)
        broken += counts[BROKEN]
        figures = (f"{counts[which]:,}" for which in (TRIED, OBJECTS, SENTENCES, BROKEN))
        print(f"| {name} | {' | '.join(figures)} | {counts[PEAK] >> 20} MiB |", flush=True)
    if broken:
        print(f"Kept in {keep}.", file=sys.stderr)
    return 1 if broken else 0


def _readers() -> dict[str, Any]:
    """Import the readers late, because atheris must be imported first."""
    readers: dict[str, Any] = importlib.import_module("readers").READERS
    return readers


def try_reader(name: str, inputs: int, seed: int, keep: Path, *, guided: bool = False) -> Any:
    """Feed one reader, in processes that are started again if one hangs or dies."""
    context = multiprocessing.get_context("spawn")
    counts = context.Array("q", 6, lock=False)
    work = _guided if guided else _random
    with tempfile.TemporaryDirectory() as folder:
        while counts[TRIED] < inputs:
            begun = counts[TRIED]
            process = context.Process(target=work, args=(name, inputs, seed, keep, Path(folder), counts))
            process.start()
            end = _watch(process, counts)
            if end:
                counts[TRIED] += 1
                counts[BROKEN] += 1
                log = (Path(folder) / "log").read_text(errors="replace")
                _keep(keep, name, (Path(folder) / "input").read_bytes(), f"{log[-2000:]}\n{end}")
            elif counts[TRIED] == begun:  # atheris has found nothing new
                break
    return counts


def _watch(process: Any, counts: Any) -> str:
    """Wait for the process to end; return what went wrong, or an empty text."""
    begun = done = counts[TRIED]
    since = time.monotonic()
    while process.is_alive():
        process.join(1)
        if counts[TRIED] != done:
            done, since = counts[TRIED], time.monotonic()
        elif time.monotonic() - since > SECONDS + 120 * (done == begun):  # imports come first
            process.kill()
            process.join()
            return f"it hung for {SECONDS} seconds"
    return f"the process ended with {process.exitcode}" if process.exitcode else ""


def _random(name: str, inputs: int, seed: int, keep: Path, folder: Path, counts: Any) -> None:
    from mutation import mutated

    _quieten(folder)
    reader = _readers()[name]
    seeds = reader.seeds()
    _bound(counts)
    for number in range(counts[TRIED], inputs):
        random = Random(f"{name} {seed} {number}")
        data = mutated(random.choice(seeds), random.choice(seeds), random)
        _attempt(name, reader, reader.mend(data) if number % 2 else data, keep, folder, counts)


def _guided(name: str, inputs: int, seed: int, keep: Path, folder: Path, counts: Any) -> None:
    import atheris

    _quieten(folder)
    with atheris.instrument_imports(include=["cdtnet"]):
        reader = _readers()[name]
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(reader.seeds()):
        (corpus / f"seed-{number}").write_bytes(data)

    def mutate(data: bytes, most: int, number: int) -> bytes:
        data = atheris.Mutate(data, most)
        return reader.mend(data) if number % 2 else data

    runs = inputs - counts[TRIED]
    options = [f"-runs={runs}", f"-seed={seed + counts[TRIED] + 1}", "-rss_limit_mb=0", f"-timeout={SECONDS}"]
    options += ["-max_len=20000", "-detect_leaks=0", str(corpus)]
    atheris.Setup(
        [name, *options],
        lambda data: _attempt(name, reader, data, keep, folder, counts),
        custom_mutator=mutate,
    )
    _bound(counts)
    os.chdir(folder)  # libFuzzer writes its findings to the working folder
    atheris.Fuzz()


def _quieten(folder: Path) -> None:
    """Redirect the messages of libraries to a file."""
    os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)


def _bound(counts: Any) -> None:
    """Limit how much more memory this process may allocate from now on."""
    from cdtnet.system.machine import STATUS, peak_memory, read_bytes

    counts[BEFORE] = peak_memory()
    limit = read_bytes(STATUS, "VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _attempt(name: str, reader: Any, data: bytes, keep: Path, folder: Path, counts: Any) -> None:
    from cdtnet.errors import CdtnetError
    from cdtnet.system.machine import peak_memory

    (folder / "input").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)  # messages to users
        try:
            reader.read(data, folder)
            counts[OBJECTS] += 1
        except CdtnetError as error:
            clear = is_clear(str(error))
            counts[SENTENCES if clear else BROKEN] += 1
            if not clear:
                _keep(keep, name, data, repr(str(error)))
        except (Exception, RecursionError) as error:
            counts[BROKEN] += 1
            _keep(keep, name, data, "".join(traceback.format_exception(error)[-25:]))
    counts[TRIED] += 1
    counts[PEAK] = max(counts[PEAK], peak_memory() - counts[BEFORE])


def is_clear(message: str) -> bool:
    """Return whether the message is readable: one sentence, on one line as the command line prints it."""
    from cdtnet.cli.options import printable

    shown = printable(message)
    return shown.isprintable() and shown.endswith(".") and "Traceback" not in shown


def _keep(keep: Path, name: str, data: bytes, why: str) -> None:
    """Keep one input for each kind of failure."""
    place = hashlib.sha256("".join(why.split("\n")[-3:]).encode()).hexdigest()[:8]
    file = keep / f"{name.replace(' ', '_').strip('.')}-{place}"
    if not file.exists():
        file.write_bytes(data)
        file.with_suffix(".txt").write_text(why, errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
