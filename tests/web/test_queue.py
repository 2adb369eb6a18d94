import gc
import threading
import weakref
from concurrent.futures import CancelledError

import pytest

from cdtnet.web.queue import JobCancelledError, QueueFullError, WorkQueue
from tests.processes import PATIENCE


@pytest.fixture
def queue():
    """One worker, two places in the queue."""
    queue = WorkQueue(workers=1, waiting=2)
    yield queue
    queue.close()


class Gate:
    """Work that starts, waits for release, reports progress, and returns."""

    def __init__(self):
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, job):
        self.begun.set()
        assert self.open.wait(PATIENCE)
        job.progress(1, 2)
        return "through"


def occupy(queue):
    gate = Gate()
    job = queue.submit(gate)
    assert gate.begun.wait(PATIENCE)
    return gate, job


def test_jobs_are_done_in_the_order_of_their_coming(queue):
    gate, first = occupy(queue)
    order = []
    jobs = [queue.submit(lambda job, n=n: order.append(n)) for n in range(2)]
    gate.open.set()
    for job in jobs:
        job.outcome.result(PATIENCE)
    assert first.outcome.result() == "through"
    assert (first.done, first.total) == (1, 2)
    assert order == [0, 1]


def test_as_many_run_at_once_as_there_are_workers():
    queue = WorkQueue(workers=3, waiting=0)
    barrier = threading.Barrier(3, timeout=PATIENCE)
    jobs = [queue.submit(lambda job: barrier.wait()) for _ in range(3)]
    assert sorted(job.outcome.result(PATIENCE) for job in jobs) == [0, 1, 2]
    queue.close()


def test_a_full_queue_takes_no_more_until_one_is_done(queue):
    gate, job = occupy(queue)
    queue.submit(lambda job: None)
    reserved = queue.reserve()
    assert queue.full
    assert (queue.running, queue.waiting) == (1, 2)
    with pytest.raises(QueueFullError, match="3 places"):
        queue.submit(lambda job: None)
    reserved.cancel()
    assert not queue.full
    gate.open.set()
    job.outcome.result(PATIENCE)


def test_the_place_is_free_when_the_outcome_is_known():
    queue = WorkQueue(workers=1, waiting=0)
    for n in range(200):
        assert queue.submit(lambda job, n=n: n).outcome.result(PATIENCE) == n
    queue.close()


def test_cancelled_work_that_waits_is_never_done(queue):
    gate, _ = occupy(queue)
    done = []
    job = queue.submit(lambda job: done.append(1))
    job.cancel()
    assert job.outcome.cancelled()
    assert queue.waiting == 0
    last = queue.submit(lambda job: None)
    gate.open.set()
    last.outcome.result(PATIENCE)
    assert not done


def test_cancelled_work_that_runs_ends_at_its_next_progress(queue):
    gate, job = occupy(queue)
    job.cancel()
    assert not job.outcome.done()
    gate.open.set()
    with pytest.raises(JobCancelledError):
        job.outcome.result(PATIENCE)


def test_a_reserved_place_is_used_or_given_back(queue):
    job = queue.reserve()
    queue.start(job, lambda job: "done")
    assert job.outcome.result(PATIENCE) == "done"
    job = queue.reserve()
    job.cancel()
    queue.start(job, lambda job: "never")
    assert job.outcome.cancelled()


def test_an_error_reaches_who_waits_and_the_worker_goes_on(queue):
    with pytest.raises(ZeroDivisionError):
        queue.submit(lambda job: 1 / 0).outcome.result(PATIENCE)
    assert queue.submit(lambda job: 7).outcome.result(PATIENCE) == 7


class Picture:
    """An object whose deletion can be observed."""


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_a_job_is_kept_after_it(queue, fails):
    seen = []

    def work(job):
        picture = Picture()
        seen.append(weakref.ref(picture))
        if fails:
            raise ValueError
        return picture

    gc.disable()  # nothing is to wait for it
    try:
        job = queue.submit(work)
        outcome = job.outcome.exception(PATIENCE) or job.outcome.result(PATIENCE)
        queue.submit(lambda job: None).outcome.result(PATIENCE)
        if fails:
            assert seen[0]() is None
        del job, outcome
        assert seen[0]() is None
    finally:
        gc.enable()


def test_closing_lets_finish_what_runs_and_drops_what_waits(queue):
    gate, running = occupy(queue)
    waiting = queue.submit(lambda job: None)
    closing = threading.Thread(target=queue.close)
    closing.start()
    with pytest.raises(CancelledError):
        waiting.outcome.result(PATIENCE)
    with pytest.raises(QueueFullError):
        queue.reserve()
    gate.open.set()
    closing.join(PATIENCE)
    assert running.outcome.result(PATIENCE) == "through"
