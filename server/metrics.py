"""Numbers for Prometheus: how long the stages take, how requests end, what the caches know. No texts, no addresses.

With several workers each writes its numbers into a folder that `shared` makes, and whoever is asked adds them up.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from server.tracing import Trace

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client reads it when it is imported
# Seconds, each twice the one before: a search takes 8 ms, one that was kept 0.3 ms.
_BUCKETS = tuple(0.00025 * 2**power for power in range(14))


@contextmanager
def shared() -> Iterator[None]:
    """Processes that are forked within the block count together; their folder is removed by the one that made it.

    Before the first Metrics of the process.
    """
    folder, process = tempfile.mkdtemp(prefix="spravka-metrics-"), os.getpid()
    os.environ[_FOLDER] = folder
    try:
        yield
    finally:
        if os.getpid() == process:  # a worker leaves the block too
            os.environ.pop(_FOLDER, None)
            shutil.rmtree(folder, ignore_errors=True)


def forget_worker(process: int) -> None:
    """Takes a worker that ended out of the requests in flight; what it counted stays."""
    if _FOLDER in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(process)  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        # Imported here: the folder of several workers has to be known before.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._own = CollectorRegistry()
        self._seconds = Histogram(
            "spravka_stage_seconds",
            "Time that a stage of a request took; whole: all of it",
            ("route", "stage"),
            buckets=_BUCKETS,
            registry=self._own,
        )
        self._requests = Counter(
            "spravka_requests", "Requests by how they ended", ("route", "outcome"), registry=self._own
        )
        self._lookups = Counter("spravka_cache_lookups", "Lookups in caches", ("cache", "result"), registry=self._own)
        self._in_flight = Gauge(
            "spravka_requests_in_flight",
            "Requests that are being answered",
            registry=self._own,
            multiprocess_mode="livesum",
        )
        self._waiting = Gauge(
            "spravka_requests_waiting",
            "Requests that wait for a thread",
            registry=self._own,
            multiprocess_mode="livesum",
        )
        self._rejected = Counter(
            "spravka_requests_rejected",
            "Requests that were refused before they were read or worked on",
            ("reason",),
            registry=self._own,
        )
        self._told_waiting: int | None = None
        # Finding a child by its labels takes longer than counting.
        self._stages: dict[tuple[str, str], Histogram] = {}
        self._outcomes: dict[tuple[str, str], Counter] = {}
        self._rejections: dict[str, Counter] = {}
        self._caches = {
            (cache, known): self._lookups.labels(cache, "hit" if known else "miss")
            for cache in ("replies", "vectors")
            for known in (True, False)
        }

    def started(self) -> None:
        """A request came."""
        self._in_flight.inc()

    def left(self) -> None:
        """A request is done with."""
        self._in_flight.dec()

    def waits(self, requests: int) -> None:
        """So many requests wait for a thread of this process."""
        if requests != self._told_waiting:  # told twice a request, mostly 0, by the loop that all requests pass
            self._told_waiting = requests
            self._waiting.set(requests)

    def rejected(self, code: str) -> None:
        """A request was refused with this code."""
        if code not in self._rejections:
            self._rejections[code] = self._rejected.labels(code)
        self._rejections[code].inc()

    def answered(self, route: str, outcome: str, trace: Trace, seconds: float) -> None:
        """Counts a request that ended so, after so long."""
        for stage, taken in trace.stages.items():
            self._observe(route, stage, taken)
        self._observe(route, "whole", seconds)
        for lookup in trace.lookups:
            self._caches[lookup].inc()
        key = (route, outcome)
        if key not in self._outcomes:
            self._outcomes[key] = self._requests.labels(route, outcome)
        self._outcomes[key].inc()

    def _observe(self, route: str, stage: str, seconds: float) -> None:
        key = (route, stage)
        if key not in self._stages:
            self._stages[key] = self._seconds.labels(route, stage)
        self._stages[key].observe(seconds)

    def text(self, generation: str, version: str) -> tuple[bytes, str]:
        """All numbers in the text format of Prometheus, and its media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        about = generate_latest(_about(generation, version))
        return generate_latest(self._all()) + about, CONTENT_TYPE_LATEST

    def _all(self) -> "CollectorRegistry":
        """The numbers of all workers; of this process where it is alone."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        folder = os.environ.get(_FOLDER)
        if not (folder and Path(folder).is_dir()):
            return self._own
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return registry


def _about(generation: str, version: str) -> "CollectorRegistry":
    from prometheus_client import CollectorRegistry, Info

    registry = CollectorRegistry()
    Info("spravka_index", "What is served", registry=registry).info({"generation": generation, "version": version})
    return registry
