"""The threads of PoseSync.

In a live session, capture and inference run beside the main thread, which draws. One-slot mailboxes connect
them: the slower thread always takes the newest item and nothing queues up, so the picture on screen is never
older than one inference.

A file that is processed frame by frame is also decoded and inferred in two threads, but connected by pipes:
every frame goes through, in order. Log and recording are written by a separate thread in both cases.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Final, Protocol

import cv2
from posesync.pose.settings import CameraSettings
from posesync.pose.sources import FrameSource, resume
from posesync.pose.types import Frame
from posesync.realtime.coaching.moment import Moment

from .queues import Captured, Inbox, Mailbox, Pipe, Processed
from .throttle import DetectorThrottle

__all__ = [
    "CaptureWorker",
    "Captured",
    "DecodeWorker",
    "InferenceWorker",
    "Mailbox",
    "OutputWorker",
    "Pipe",
    "Processed",
    "Processor",
    "SequenceWorker",
    "Worker",
    "WorkerState",
    "opencv_on_one_thread",
]

logger = logging.getLogger(__name__)

#: s within which a worker must end; one that hangs in a driver is left behind as a daemon.
JOIN_TIMEOUT: Final = 5.0


class WorkerState(Enum):
    """State of a worker."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """Waiting for a lost camera."""
    ENDED = "ended"
    FAILED = "failed"


class Processor(Protocol):
    """Turns frames into moments; used by one thread alone."""

    def process(self, frame: Frame, *, hurried: bool = False) -> Moment:
        """Take the next frame; ``hurried`` spares the detector."""


class Worker:
    """A thread that keeps its error for the thread that joins it."""

    def __init__(self, name: str) -> None:
        self.state = WorkerState.STARTING
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; return at once."""
        self._stop.set()

    def join(self) -> bool:
        """Wait for the thread to end, JOIN_TIMEOUT s at most; False when it hangs."""
        self._thread.join(JOIN_TIMEOUT)
        if self._thread.is_alive():
            logger.warning("%s did not end within %.0f s and is left behind", self._thread.name, JOIN_TIMEOUT)
            return False
        return True

    def _guarded(self) -> None:
        try:
            self._work()
            self.state = WorkerState.ENDED
        except BaseException as error:  # any error must reach the main thread
            self.error, self.state = error, WorkerState.FAILED
        finally:
            self._finish()

    def _work(self) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        """Clean up; runs last, whatever happened."""


class CaptureWorker(Worker):
    """Reads a source into a mailbox; waits for a lost camera; plays a file at its own pace.

    Args:
        source: closed when the worker ends.
        outbox: gets every frame.
        settings: how long a lost camera is waited for before it counts as gone.
    """

    def __init__(
        self,
        source: FrameSource,
        outbox: Mailbox[Captured],
        settings: CameraSettings | None = None,
    ) -> None:
        super().__init__("capture")
        self._source = source
        self._outbox = outbox
        self._settings = settings or CameraSettings()
        self._paused = threading.Event()
        self._start: float | None = None
        self.lost_since: float | None = None
        self.gone = False

    @property
    def paused(self) -> bool:
        """Whether a camera's frames are discarded and a file stands still."""
        return self._paused.is_set()

    @paused.setter
    def paused(self, value: bool) -> None:
        if value:
            self._paused.set()
        else:
            self._paused.clear()

    def _work(self) -> None:
        self.state = WorkerState.RUNNING
        while not self._stop.is_set():
            frame = self._source.read()
            if frame is None:
                if not self._wait_for_camera():
                    return
                continue
            if self._source.is_live:
                if self.paused:
                    continue  # keep reading, or the driver delivers old images afterwards
            else:
                self._wait_until_due(frame.time)
            if not self._stop.is_set():
                self._outbox.put(Captured(frame, time.monotonic()))

    def _wait_for_camera(self) -> bool:
        if not self._source.is_live or self._stop.is_set():
            return False
        self.lost_since, self.state = time.monotonic(), WorkerState.WAITING
        name, timeout = self._source.info.name, self._settings.lost_timeout
        logger.warning("lost %s: waiting up to %g s for it to come back", name, timeout)
        back = resume(
            self._source,
            patience=timeout,
            interval=self._settings.retry_interval,
            stopped=self._stop.is_set,
            sleep=lambda seconds: discard(self._stop.wait(seconds)),
        )
        self.gone = not back and not self._stop.is_set()
        if back:
            logger.warning("%s is back", name)
            self.lost_since, self.state = None, WorkerState.RUNNING
        return back

    def _wait_until_due(self, moment: float) -> None:
        """Wait until a file's frame is due; while paused the clock stands still."""
        now = time.monotonic()
        if self._start is None:
            self._start = now - moment
        while not self._stop.is_set():
            if self.paused:
                began = time.monotonic()
                self._stop.wait(0.02)
                self._start += time.monotonic() - began
            elif (left := self._start + moment - time.monotonic()) > 0:
                self._stop.wait(min(left, 0.1))
            else:
                return

    def _finish(self) -> None:
        self._outbox.close()
        self._source.close()


class InferenceWorker(Worker):
    """Turns the newest frame into a moment, repeatedly.

    Args:
        processor: used by this thread alone from now on; see :meth:`ask`.
        inbox: source of frames.
        outbox: receives moments, of which only the newest is kept; None when not needed.
        sink: called for every moment in order, with the times of the frames dropped before it; after the
            outbox has received it, so that drawing need not wait.

    Attributes:
        hurried: whether the camera is too fast for the detector to run on every frame.
    """

    def __init__(
        self,
        processor: Processor,
        inbox: Inbox,
        outbox: Mailbox[Processed] | None,
        sink: Callable[[Processed, Sequence[float]], None],
    ) -> None:
        super().__init__("inference")
        self._processor = processor
        self._inbox = inbox
        self._outbox = outbox
        self._sink = sink
        self._throttle = DetectorThrottle()
        self.hurried = False
        self._asked: deque[Callable[[], None]] = deque()

    def ask(self, what: Callable[[], None]) -> None:
        """Call ``what`` in this thread before the next frame."""
        self._asked.append(what)

    def _work(self) -> None:
        self.state = WorkerState.RUNNING
        while not self._stop.is_set() and not self._inbox.finished:
            taken = self._inbox.take(0.1)
            if taken is None:
                continue
            captured, missed = taken
            while self._asked:
                self._asked.popleft()()
            self.hurried = self._throttle.update(len(missed) + captured.skipped, time.monotonic())
            moment = self._processor.process(captured.frame, hurried=self.hurried)
            processed = Processed(captured.frame, moment, captured.at, time.monotonic() - captured.at)
            if self._outbox is not None:
                self._outbox.put(processed)
            self._sink(processed, missed)

    def _finish(self) -> None:
        if self._outbox is not None:
            self._outbox.close()


class DecodeWorker(Worker):
    """Reads a file ahead, so that decoding and inference run at the same time.

    Args:
        source: the source; not closed, because its opener still reads its warning.
        outbox: receives every frame.
    """

    def __init__(self, source: FrameSource, outbox: Pipe[Frame]) -> None:
        super().__init__("decode")
        self._source = source
        self._outbox = outbox

    def _work(self) -> None:
        self.state = WorkerState.RUNNING
        while not self._stop.is_set():
            frame = self._source.read()
            if frame is None or not self._outbox.put(frame):
                return

    def _finish(self) -> None:
        self._outbox.close()


class SequenceWorker(Worker):
    """Turns every frame into a moment, in order.

    A frame's time of arrival is when it is taken: a file has no clock of its own, and waits.

    Args:
        processor: used by this thread alone from now on.
        inbox: source of frames.
        outbox: receives moments.
    """

    def __init__(self, processor: Processor, inbox: Pipe[Frame], outbox: Pipe[Processed]) -> None:
        super().__init__("inference")
        self._processor = processor
        self._inbox = inbox
        self._outbox = outbox

    def _work(self) -> None:
        self.state = WorkerState.RUNNING
        while not self._stop.is_set() and not self._inbox.finished:
            frame = self._inbox.take(0.1)
            if frame is None:
                continue
            at = time.monotonic()
            moment = self._processor.process(frame)
            if not self._outbox.put(Processed(frame, moment, at, time.monotonic() - at)):
                return

    def _finish(self) -> None:
        self._inbox.cut()
        self._outbox.close()


class OutputWorker(Worker):
    """Runs writing jobs in order in its own thread, so that a slow disk or encoder never blocks the caller.

    Args:
        room: how many jobs may wait before :meth:`give` waits or refuses.
    """

    def __init__(self, room: int) -> None:
        super().__init__("output")
        self._jobs: Pipe[Callable[[], None]] = Pipe(room)

    def give(self, job: Callable[[], None], *, patient: bool) -> bool:
        """Queue ``job``; when there is no room, wait if ``patient``, else return False.

        Raises:
            PoseSyncError: the error of an earlier job.
        """
        self._check()
        return self._jobs.put(job) if patient else self._jobs.offer(job)

    def push(self, job: Callable[[], None]) -> None:
        """Queue a small ``job``, even when there is no room or another job has failed.

        Raises:
            PoseSyncError: the error of an earlier job.
        """
        self._jobs.push(job)
        self._check()

    def finish(self) -> None:
        """Wait until every job is done or failed."""
        self._jobs.close()
        while self._thread.is_alive():  # in steps, because an endless join cannot be interrupted on Windows
            self._thread.join(0.5)

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        self.state = WorkerState.RUNNING
        while not self._jobs.finished:
            job = self._jobs.take(0.5)
            if job is None:
                continue
            try:
                job()
            except BaseException as error:  # the first error is the one reported
                # Other jobs continue: a recording that the disk has no room for must not cost lines of the
                # log.
                self.error = self.error or error
        if self.error is not None:
            raise self.error

    def _finish(self) -> None:
        self._jobs.cut()


@contextmanager
def opencv_on_one_thread() -> Iterator[None]:
    """Keep OpenCV on one thread in the block: on pictures this small, splitting costs more than it saves."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def discard(_: object) -> None:
    """Discard a value where a callable must return None."""
