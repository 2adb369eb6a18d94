"""Load the server with good and bad requests and clients; compare each answer, and watch its memory.

    python reliability/server.py --seconds 300

The load consists of good requests of all kinds, whose answers must equal those of the Python API byte for
byte; bad ones, which must be refused with one sentence; and clients that disconnect, send slowly, or do not
read. There are always more requests than places in the queue. Each answer must be correct or a refusal. The
process must not grow by more than `GROWTH`, and must have no open files or connections at the end.
"""

import argparse
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

from asking import CLOSED, Answer
from bad_clients import Dripper, Idler, Leaver, drippers, leavers
from bad_requests import MAX_BYTES, MAX_PIXELS, Bad, bad_requests
from good_requests import MODELS, Good, good_requests
from served import Server

GROWTH = 64 << 20  # bytes between the medians of the first and the last quarter
REFUSED = (429, 503)
WORKERS, WAITING, TIMEOUT = 2, 6, 60


class Table:
    """Counts of what was sent and what came back, by kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: defaultdict[str, Counter[int | None]] = defaultdict(Counter)
        self._verdicts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def note(self, kind: str, status: int | None, verdict: str) -> None:
        """Count an answer: "right", "refused" because the queue is full, or "wrong"."""
        with self._lock:
            self._statuses[kind][status] += 1
            self._verdicts[kind][verdict] += 1

    @property
    def wrong(self) -> int:
        """Return the number of wrong answers."""
        return sum(verdicts["wrong"] for verdicts in self._verdicts.values())

    def __str__(self) -> str:
        lines = ["| kind | sent | right | refused | wrong | statuses |", "|---|---|---|---|---|---|"]
        for kind, verdicts in self._verdicts.items():
            numbers = [str(verdicts[verdict]) for verdict in ("right", "refused", "wrong")]
            statuses = ", ".join(f"{_name(s)} × {n}" for s, n in self._statuses[kind].most_common())
            lines.append(f"| {kind} | {' | '.join([str(verdicts.total()), *numbers, statuses])} |")
        return "\n".join(lines)


class Load:
    """Clients of all kinds.

    Args:
        port: The port of the server.
        good: The requests that it must answer.
        seed: Of what is asked when.
    """

    def __init__(self, port: int, good: list[Good], seed: int) -> None:
        self.table = Table()
        self._port, self._good, self._bad = port, good, list(bad_requests())
        self._leavers, self._seed = leavers(good[2]), seed
        self._stop = threading.Event()

    def run(self, seconds: float, clients: int, slow: int) -> None:
        """Run `clients` clients that send one request after the other, and `slow` slow ones of each kind."""
        with ThreadPoolExecutor(clients + slow * len(drippers())) as threads:
            tasks: list[Callable[[], None]] = [
                *(lambda number=number: self._mix(number) for number in range(clients)),
                *(lambda client=client: self._drip(client) for client in drippers() * slow),
            ]
            done = [threads.submit(task) for task in tasks]
            self._stop.wait(seconds)
            self._stop.set()
        for future in done:
            future.result()

    def each_once(self, *, bad: bool) -> None:
        """Send every good request, and every bad one if `bad`, one after the other."""
        for request in [*self._good, *(self._bad if bad else [])]:
            self._check(request)

    def _mix(self, number: int) -> None:
        random = Random(f"{self._seed}/{number}")
        while not self._stop.is_set():
            pool = random.choices([self._good, self._bad, self._leavers], [5, 4, 1])[0]
            request = random.choice(pool)
            if isinstance(request, Leaver):
                request.ask(self._port, random)
                self.table.note(request.kind, None, "right")
            elif self._check(request) == "refused":
                time.sleep(random.uniform(0.2, 1))

    def _check(self, request: Good | Bad) -> str:
        try:
            answer = request.ask(self._port)
        except OSError as error:
            print(f"{request.kind}: {error!r}", file=sys.stderr)
            answer = Answer()
        verdict = "right" if answer.status == 200 or isinstance(request, Bad) else "wrong"
        if answer.status in REFUSED and answer.is_sentence:
            verdict = "refused"
        elif not request.is_right(answer):
            verdict = "wrong"
        self.table.note(request.kind, answer.status, verdict)
        if verdict == "wrong":
            print(f"{request}: {answer.status} {answer.body[:200]!r}", file=sys.stderr)
        return verdict

    def _drip(self, client: Dripper | Idler) -> None:
        while not self._stop.is_set():
            answer = client.ask(self._port, self._stop.is_set)
            status = answer.status if answer else None
            right = answer is None or status in (
                client.statuses if isinstance(client, Dripper) else (CLOSED,)
            )
            self.table.note(client.kind, status, "right" if right else "wrong")
            self._stop.wait(1)


def abuse(
    seconds: float, *, clients: int, slow: int, widest: int, seed: int, models: Sequence[str] = MODELS
) -> tuple[Table, list[str]]:
    """Start a server, load it, and stop it.

    Args:
        seconds: The duration of the load.
        clients: The number of clients that send one request after the other.
        slow: The number of clients of each slow kind.
        widest: The longer side of the largest picture, in pixels.
        seed: Of what is asked when.
        models: Two names or files of weights.

    Returns:
        The table, and further findings; those that break a promise begin with "BROKEN".
    """
    options = [option for model in models for option in ("--model", model)]
    options += ["--workers", str(WORKERS), "--queue", str(WAITING), "--timeout", str(TIMEOUT)]
    server = Server(*options, "--max-bytes", str(MAX_BYTES), "--max-pixels", str(MAX_PIXELS))
    try:
        load = Load(server.port, list(good_requests(widest, models)), seed)
        load.each_once(bad=True)
        before = server.open_files
        with server.watched():
            load.run(seconds, clients, slow)
        settled = server.settle()
        after = server.open_files
        load.each_once(bad=False)
        code, said = server.stop()
    finally:
        server.kill()
    memory = ", ".join(f"{held / 1e6:.0f}" for held in server.quarters)
    found = {
        f"memory by quarters: {memory} MB": server.quarters[-1] - server.quarters[0] <= GROWTH,
        f"{after - before} more open files at the end than at the start": after <= before + 2,
        f"no work is left at the end: {settled}": settled,
        f"SIGTERM ended it with exit code {code}": code == 0,
        f"it printed: {said.strip()[:2000] or 'nothing'}": not said,
        f"{load.table.wrong} wrong answers": load.table.wrong == 0,
    }
    return load.table, [sentence if kept else f"BROKEN: {sentence}" for sentence, kept in found.items()]


def _name(status: int | None) -> str:
    return {CLOSED: "closed", None: "not awaited"}.get(status) or str(status)


def main() -> int:
    """Print the table; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=300, help="of load (default: %(default)s)")
    parser.add_argument(
        "--clients", type=int, default=10, help="clients that send without a pause (default: %(default)s)"
    )
    parser.add_argument(
        "--slow", type=int, default=2, help="clients of each slow kind (default: %(default)s)"
    )
    parser.add_argument("--widest", type=int, default=640, help="picture, in pixels (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table, found = abuse(**vars(arguments))
    print(table, *found, sep="\n")
    return int(any(sentence.startswith("BROKEN") for sentence in found))


if __name__ == "__main__":
    sys.exit(main())
