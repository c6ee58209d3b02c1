"""The semantic half of a search may fail or hang: what keeps that from taking the other half and the threads with it.

What hangs cannot be stopped, only left alone: it runs in a thread of its own, which nobody waits for longer than the
limit. After several failures in a row nothing is tried for a while, then once, until that goes well (a circuit
breaker; Nygard, Release It!).
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from server import deadline, tracing
from server.errors import QueryError

SECONDS = 2.0  # that a call may take; a query takes 5 to 30 ms, one of 512 tokens a few tenths of a second
FAILURES = 3  # in a row, after which nothing is tried
PAUSE = 5.0  # seconds until one is tried again
HANGING = 4  # calls that still run after their time, beyond which nothing is tried: each keeps a thread

_log = logging.getLogger(__name__)
Given = TypeVar("Given")


class SemanticUnavailableError(Exception):
    """The semantic half does not answer; the cause says why, where it was tried."""


class Guard:
    """Lets calls through for as long as they go well; threads may share it."""

    def __init__(self, seconds: float = SECONDS, pause: float = PAUSE) -> None:
        """A call may take so many `seconds`, and half of what is left to its request."""
        self._seconds, self._pause = seconds, pause
        self._lock = threading.Lock()
        self._failures = 0  # in a row
        self._next_try = 0.0  # time.monotonic(), once there were FAILURES
        self._hanging: list[threading.Thread] = []

    @property
    def works(self) -> bool:
        """Whether the last call went well; True before the first."""
        return self._failures == 0

    def call(self, work: Callable[[], Given]) -> Given:
        """What `work` gives.

        Raises SemanticUnavailableError where it fails, takes too long, or is not tried; QueryError passes.
        """
        if not self._may_try():
            raise SemanticUnavailableError
        try:
            given = self._in_time(work)
        except QueryError:
            raise
        except Exception as error:
            self._failed(error)
            raise SemanticUnavailableError from error
        self._went_well()
        return given

    def _may_try(self) -> bool:
        with self._lock:
            self._hanging = [thread for thread in self._hanging if thread.is_alive()]
            if len(self._hanging) >= HANGING:
                return False
            if self._failures >= FAILURES:
                now = time.monotonic()
                if now < self._next_try:
                    return False
                self._next_try = now + self._pause  # this one tries, the others wait for how it goes
            return True

    def _in_time(self, work: Callable[[], Given]) -> Given:
        given: list[Given] = []
        failed: list[Exception] = []
        traces: list[tracing.Trace] = []

        def run() -> None:
            # A trace of its own: one that comes too late must not write into a request that has ended.
            if outer is not None:
                traces.append(tracing.begin(outer.request_id))
            try:
                given.append(work())
            except Exception as error:  # raised again by the thread that waits
                failed.append(error)

        outer = tracing.current()
        # Made anew for each call, which takes 0.1 to 0.2 ms: threads that wait for work would not survive a fork.
        thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="semantic", daemon=True)
        thread.start()
        thread.join(max(0.0, min(self._seconds, deadline.left() / 2)))
        if thread.is_alive():
            with self._lock:
                self._hanging.append(thread)
            raise TimeoutError
        if outer is not None:
            outer.add(traces[0])
        if failed:
            raise failed[0]
        return given[0]

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._failures += 1
            self._next_try = time.monotonic() + self._pause
            pauses = self._failures >= FAILURES
        then = f"it is tried again in {self._pause:g} s" if pauses else "the next search tries again"
        _log.warning("semantic half: %s; found by words alone, %s", type(error).__name__, then, exc_info=error)

    def _went_well(self) -> None:
        if self._failures:
            with self._lock:
                self._failures = 0
            _log.warning("semantic half: answers again")
