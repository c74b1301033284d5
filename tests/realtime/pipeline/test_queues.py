"""Pipes lose nothing and wait; the output thread raises its error at the next job."""

from __future__ import annotations

import threading
import time

import pytest
from posesync.pose.errors import OutputError
from posesync.realtime.pipeline.queues import Pipe
from posesync.realtime.pipeline.workers import OutputWorker, WorkerState


def test_everything_arrives_in_order_and_little_lies_in_between() -> None:
    pipe: Pipe[int] = Pipe(3)
    ahead = []
    given = 0

    def give() -> None:
        nonlocal given
        for number in range(200):
            assert pipe.put(number)
            given = number + 1
        pipe.close()

    thread = threading.Thread(target=give)
    thread.start()
    taken = []
    while not pipe.finished:
        item = pipe.take(1.0)
        if item is not None:
            taken.append(item)
            ahead.append(given - len(taken))
    thread.join(5)
    assert taken == list(range(200))
    assert max(ahead) <= 4, "the quick one did not wait"


def test_cutting_frees_a_thread_that_waits_for_room() -> None:
    pipe: Pipe[int] = Pipe(1)
    assert pipe.put(1)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(pipe.put(2)))
    thread.start()
    time.sleep(0.05)
    assert not answers
    pipe.cut()
    thread.join(5)
    assert answers == [False]
    assert pipe.finished
    assert pipe.take(0.0) is None
    assert not pipe.put(3)


def test_an_offer_is_refused_when_there_is_no_room_and_a_push_is_not() -> None:
    pipe: Pipe[int] = Pipe(2)
    assert [pipe.offer(n) for n in range(4)] == [True, True, False, False]
    assert pipe.push(9)
    assert [pipe.take(0.0) for _ in range(3)] == [0, 1, 9]
    pipe.close()
    assert not pipe.push(1)
    assert pipe.finished


def test_output_is_written_in_order_before_it_ends() -> None:
    worker, written = OutputWorker(4), []
    worker.start()
    for number in range(50):
        assert worker.give(lambda n=number: written.append(n), patient=True)  # type: ignore[misc]
    worker.finish()
    assert written == list(range(50))
    assert worker.state is WorkerState.ENDED


def test_a_slow_disk_refuses_the_impatient_and_keeps_small_things() -> None:
    worker, gate, written = OutputWorker(2), threading.Event(), []
    worker.start()
    worker.give(lambda: discard(gate.wait(10)), patient=True)
    time.sleep(0.05)  # it is busy now, and its queue empty
    answers = [worker.give(lambda: written.append("picture"), patient=False) for _ in range(5)]
    for _ in range(5):
        worker.push(lambda: written.append("line"))
    gate.set()
    worker.finish()
    assert answers == [True, True, False, False, False]
    assert written == ["picture"] * 2 + ["line"] * 5


def test_what_went_wrong_is_raised_by_the_next_call() -> None:
    def full() -> None:
        raise OutputError("the disk is full: free some space")

    worker = OutputWorker(2)
    worker.start()
    worker.give(full, patient=True)
    end = time.monotonic() + 5
    while worker.state is not WorkerState.FAILED and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(OutputError, match="disk is full"):
        worker.give(lambda: None, patient=True)
    with pytest.raises(OutputError, match="disk is full"):
        worker.push(lambda: None)
    worker.finish()


def discard(_: object) -> None:
    pass
