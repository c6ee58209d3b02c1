"""The semantic half of a search may fail or hang: what keeps that from taking the other half and the threads with it.

What hangs cannot be stopped, only left alone: it runs in another thread, which nobody waits for longer than the limit.
Who asks has the time until then for something else: the model computes without the interpreter. After several failures
in a row nothing is tried for a while, then once, until that goes well (a circuit breaker; Nygard, Release It!).
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from server import deadline, tracing
from server.errors import QueryError

SECONDS = 2.0  # that a call may take; a query takes 5 to 30 ms, one of 512 tokens a few tenths of a second
FAILURES = 3  # in a row, after which nothing is tried
PAUSE = 5.0  # seconds until one is tried again
HANGING = 4  # calls that still run after their time, beyond which nothing is tried: each keeps a thread
# Seconds that the work has the interpreter for itself, to read the query and hand it to the model. Who asked would not
# give it back before having done something else, or before the interpreter's own time for a switch.
HEAD_START = 0.0015
IDLE = 60.0  # seconds that a thread without work waits for some: to make one takes 0.2 ms, to wake one 0.05

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
        self._hanging: list[_Call[Any]] = []
        self._idle: list[_Helper] = []

    @property
    def works(self) -> bool:
        """Whether the last call went well; True before the first."""
        return self._failures == 0

    def call(self, work: Callable[[], Given]) -> Given:
        """What `work` gives.

        Raises SemanticUnavailableError where it fails, takes too long, or is not tried; QueryError passes.
        """
        return self.begin(work)()

    def begin(self, work: Callable[[], Given]) -> Callable[[], Given]:
        """Begins `work` and comes back while it goes on; what is returned waits for it, and is to be called once.

        That gives and raises what `call` does; here SemanticUnavailableError is raised where nothing is tried.
        """
        if not self._may_try():
            raise SemanticUnavailableError
        call = _Call(work, min(self._seconds, deadline.left() / 2))
        self._helper().make(call)
        call.wait(HEAD_START)
        return lambda: self._outcome(call)

    def rest(self) -> None:
        """Ends the threads that wait for calls: a process is best forked while it has no others."""
        while self._idle:
            self._idle.pop().end()

    def _outcome(self, call: "_Call[Given]") -> Given:
        try:
            given = call.outcome()
        except QueryError:
            raise
        except Exception as error:
            if call.is_running:
                with self._lock:
                    self._hanging.append(call)
            self._failed(error)
            raise SemanticUnavailableError from error
        self._went_well()
        return given

    def _helper(self) -> "_Helper":
        """A thread without work."""
        while True:
            try:
                helper = self._idle.pop()
            except IndexError:
                return _Helper(self._idle)
            if helper.is_alive:  # the threads of a process do not survive its fork
                return helper

    def _may_try(self) -> bool:
        with self._lock:
            self._hanging = [call for call in self._hanging if call.is_running]
            if len(self._hanging) >= HANGING:
                return False
            if self._failures >= FAILURES:
                now = time.monotonic()
                if now < self._next_try:
                    return False
                self._next_try = now + self._pause  # this one tries, the others wait for how it goes
            return True

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


class _Call(Generic[Given]):
    """Work that another thread does."""

    def __init__(self, work: Callable[[], Given], seconds: float) -> None:
        self._work = work
        self._until = time.monotonic() + seconds
        self._outer = tracing.current()
        self._context = contextvars.copy_context()
        self._given: Given
        self._error: Exception | None = None
        self._trace: tracing.Trace | None = None
        self._ending = threading.Lock()  # held until the work has ended
        self._ending.acquire()
        self._has_ended = False
        self.is_running = True

    def wait(self, seconds: float) -> bool:
        """Waits for so long at most; whether the work has ended."""
        if not self._has_ended:
            self._has_ended = self._ending.acquire(timeout=max(0.0, seconds))
        return self._has_ended

    def run(self) -> None:
        """Does the work, in the thread that is to do it."""
        try:
            self._context.run(self._run)
        except Exception as error:  # raised again by the thread that waits
            self._error = error
        finally:
            self.is_running = False

    def _run(self) -> None:
        # A trace of its own: one that comes too late must not write into a request that has ended.
        if self._outer is not None:
            self._trace = tracing.begin(self._outer.request_id)
        self._given = self._work()

    def end(self) -> None:
        """Lets the thread that waits go on."""
        self._ending.release()

    def outcome(self) -> Given:
        """What the work gave; raises what it raised, and TimeoutError where it takes too long."""
        if not self.wait(self._until - time.monotonic()):
            raise TimeoutError
        if self._outer is not None and self._trace is not None:
            self._outer.add(self._trace)
        if self._error is not None:
            raise self._error
        return self._given


class _Helper:
    """A thread that makes one call at a time and waits for the next; without any for a while it ends.

    So a guard that nobody has any more leaves none behind.
    """

    def __init__(self, idle: list["_Helper"]) -> None:
        """`idle` is where it is to be found while it has nothing to do; at first it is not there."""
        self._idle = idle
        self._calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()  # None: it is to end
        self._thread = threading.Thread(target=self._run, name="semantic", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it makes calls."""
        return self._thread.is_alive()

    def make(self, call: _Call[Any]) -> None:
        """Makes a call, next."""
        self._calls.put(call)

    def end(self) -> None:
        """Ends it, where it has nothing to do and nobody will find it any more."""
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                call = self._calls.get(timeout=IDLE)
            except Empty:
                if self._leaves():
                    return
                continue
            if call is None:
                return
            call.run()
            self._idle.append(self)  # before the call ends: who waits for it may have the next one at once
            call.end()
            del call  # nothing of a request is kept

    def _leaves(self) -> bool:
        """Whether it ends: not where somebody has taken it in this very moment."""
        try:
            self._idle.remove(self)
        except ValueError:
            return False
        return True
