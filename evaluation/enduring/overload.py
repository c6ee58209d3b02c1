"""What a server makes of several times the requests that it can answer: it answers as many as at its best."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from threading import Event, Thread

from evaluation.benching.footprint import megabytes, tree
from evaluation.enduring.crowd import Crowd, search_request
from evaluation.enduring.texts import help_of
from evaluation.load import percentile

LEAST_GOODPUT = 0.9  # of the peak
MOST_GROWTH = 0.03  # of the memory between the first third of the time and the last

_CALLERS = 8  # at once while the peak is looked for: they keep every thread busy and fill no queue
_WARM_UP, _WINDOWS = 3.0, 3  # seconds; parts of the time for the peak, of which the best counts


@dataclass(frozen=True, slots=True)
class Overload:
    """What was measured."""

    peaks: tuple[float, float]  # answered requests a second while no more are asked than it can answer: before, after
    offered: float  # requests a second afterwards
    seconds: float
    sent: int
    answered: int
    goodput: float  # answered a second
    refused: int  # 503 with Retry-After
    failures: Mapping[str, int]  # anything else -> requests
    p50_ms: float  # of the answered ones
    p95_ms: float
    memory_mb: tuple[float, ...]  # resident, of all processes, each second; empty where it is not known

    @property
    def peak(self) -> float:
        """The mean of both peaks: others may take the machine's time for one of them."""
        return sum(self.peaks) / len(self.peaks)

    @property
    def share(self) -> float:
        """Goodput as a share of the peak."""
        return self.goodput / self.peak if self.peak else 0.0

    @property
    def growth(self) -> float:
        """Of the memory, from the mean of the first third to that of the last; 0.0 where it is not known."""
        third = len(self.memory_mb) // 3
        if not third:
            return 0.0
        return sum(self.memory_mb[-third:]) / sum(self.memory_mb[:third]) - 1

    def broken(self) -> list[str]:
        """The promises that were not held, in words."""
        told = []
        if self.share < LEAST_GOODPUT:
            told.append(f"goodput is {self.share:.0%} of the peak; expected at least {LEAST_GOODPUT:.0%}")
        if self.growth > MOST_GROWTH:
            told.append(f"memory grew by {self.growth:.1%}; expected at most {MOST_GROWTH:.0%}")
        if self.failures:
            found = ", ".join(f"{name}: {number}" for name, number in self.failures.items())
            told.append(f"requests failed ({found}); expected 200, or 503 with Retry-After")
        return told


def measure(
    url: str, pid: int | None, *, seconds: float, factor: float, peak_seconds: float, say: Callable[[str], None]
) -> Overload:
    """Looks for the peak, then asks `factor` times as often for so many seconds.

    `pid` is the server's, where it runs on this machine. Raises SystemFailure where nobody answers.
    """
    crowd = Crowd(url, (search_request(url, query) for query in cycle(help_of(url).queries)))
    say(f"{_CALLERS} callers at once for {_WARM_UP + peak_seconds / 2:g} s, and again at the end")
    crowd.at_once(_CALLERS, _WARM_UP)

    def best() -> float:
        return max(crowd.at_once(_CALLERS, peak_seconds / 2 / _WINDOWS).goodput for _ in range(_WINDOWS))

    peak = best()
    say(f"peak: {peak:.1f} answered a second; now {factor * peak:.0f} a second for {seconds:g} s")
    memory: list[float] = []
    over = Event()
    watch = Thread(target=_watch, args=(pid, memory, over), daemon=True)
    if pid is not None:
        watch.start()
    tally = crowd.at_rate(max(1.0, factor * peak), seconds)
    over.set()
    return Overload(
        peaks=(peak, best()),
        offered=tally.sent / tally.seconds,
        seconds=tally.seconds,
        sent=tally.sent,
        answered=len(tally.answered),
        goodput=tally.goodput,
        refused=tally.refused,
        failures=dict(sorted(tally.failures.items())),
        p50_ms=percentile(tally.answered, 50),
        p95_ms=percentile(tally.answered, 95),
        memory_mb=tuple(memory),
    )


def _watch(pid: int, memory: list[float], over: Event) -> None:
    while not over.wait(1.0):
        memory.append(resident(pid))


def resident(pid: int) -> float:
    """Megabytes in memory of a server and of all its processes."""
    return sum(megabytes(process, "Rss") for process in tree(pid))
