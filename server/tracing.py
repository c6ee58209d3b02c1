"""What happens while one request is answered: how long each stage takes, which caches knew it, how it ended.

Whoever does the work says so here; outside of a request nothing is kept, so that evaluation runs the same code.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal["read", "lexical", "encode", "semantic", "fuse", "render"]
Cache = Literal["replies", "vectors"]
Outcome = Literal["answered", "cached", "degraded"]


@dataclass(slots=True)
class Trace:
    """What one request leaves behind; nothing of what was asked."""

    request_id: str
    started: float  # time.perf_counter()
    stages: dict[Stage, float] = field(default_factory=dict)  # seconds
    lookups: list[tuple[Cache, bool]] = field(default_factory=list)  # in a cache, and whether it knew
    outcome: Outcome = "answered"

    def add(self, other: "Trace") -> None:
        """Takes over what a part of the same request left behind."""
        for name, taken in other.stages.items():
            self.stages[name] = self.stages.get(name, 0.0) + taken
        self.lookups += other.lookups


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    """The trace of the request that this thread answers; None outside of one."""
    return _current.get()


def begin(request_id: str) -> Trace:
    """A new trace, current from now on."""
    trace = Trace(request_id, time.perf_counter())
    _current.set(trace)
    return trace


def end() -> None:
    """Lets go of the current trace."""
    _current.set(None)


class stage:
    """Adds the time that its block takes to a stage of the current request: `with stage("read"):`.

    A class, since a generator would take twice the time.
    """

    __slots__ = ("_name", "_started")

    def __init__(self, name: Stage) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if (trace := _current.get()) is not None:
            taken = time.perf_counter() - self._started
            trace.stages[self._name] = trace.stages.get(self._name, 0.0) + taken


def looked_up(cache: Cache, known: bool) -> None:
    """Notes that a cache was asked."""
    if (trace := _current.get()) is not None:
        trace.lookups.append((cache, known))


def ended(outcome: Outcome) -> None:
    """Notes that the answer is none like others: it was kept from before, or a part of the search failed."""
    if (trace := _current.get()) is not None:
        trace.outcome = outcome
