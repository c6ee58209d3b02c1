"""How fast a running server answers: clients that each ask again as soon as they are answered.

The loop is closed: a server that stalls is asked less, so the times say what so many callers at once wait, not what a
given rate of arrivals would do. The clients are threads of this process and, where the server is on the same machine,
share its cores: `Load.client_cpu` says how much of them they took.
"""

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from random import Random
from threading import Event, Lock

import numpy as np

from evaluation.endpoints import Client, Endpoint, Reply
from evaluation.judgments import JudgmentError
from evaluation.systems import SystemFailure
from indexer.words import clean

SEED = 20261122
WARM_UP = 10  # requests of each client that are not counted
PAUSE = 0.05  # seconds that a client waits after a failure: asking on at once, it would take the server's cores


@dataclass(frozen=True, slots=True)
class Load:
    """What clients got from a server: the times of the answered requests, and how many failed in which way."""

    clients: int
    requests: int  # answered or failed
    seconds: float  # from the first request to the last reply
    client_cpu: float  # seconds of processor time that this process took meanwhile
    milliseconds: tuple[float, ...]  # of the answered ones, from before one was sent until its body was read
    took_ms: tuple[float, ...]  # of the same, by the server's own clock
    failures: Mapping[str, int]  # Reply.failure -> requests
    complete: bool = True  # False where Ctrl-C ended it

    def percentile(self, share: float) -> float:
        """Milliseconds that so many per cent of the answered requests took at most; NaN where none was answered."""
        return percentile(self.milliseconds, share)

    @property
    def took_p50(self) -> float:
        """Median milliseconds by the server's own clock."""
        return percentile(self.took_ms, 50)

    @property
    def requests_per_second(self) -> float:
        """Answered requests a second."""
        return len(self.milliseconds) / self.seconds

    @property
    def client_cores(self) -> float:
        """Cores that the clients kept busy, on average."""
        return self.client_cpu / self.seconds


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile by NumPy's default, linear between the two values beside it; NaN where there is no value."""
    return float(np.percentile(values, share, method="linear")) if values else math.nan


def unseen(texts: Sequence[str], seed: int = SEED) -> Iterator[str]:
    """Each text once, in an order that the seed gives, then crossings: half of one text, then half of another.

    A crossing is about as long as a text, so that late requests cost what early ones do. No two of them all read alike
    (case and spaces apart). Raises JudgmentError once all that the texts give, at most their number squared, are taken.
    """
    rng = Random(seed)  # noqa: S311 -- an order, no secret
    order = sorted(dict.fromkeys(texts), key=lambda _: rng.random())  # random() alone is the same in every Python
    halves = [_halves(text) for text in order]
    pairs = ((place, (place + shift) % len(order)) for shift in range(1, len(order)) for place in range(len(order)))
    crossings = (f"{halves[first][0]} {halves[second][1]}" for first, second in pairs)
    seen = set()
    for text in chain(order, crossings):
        read = " ".join(clean(text).lower().split())
        if read not in seen:
            seen.add(read)
            yield text
    raise JudgmentError(
        f"{len(order)} queries: all {len(seen)} that can be made of them were asked; expected more; "
        "name a larger set (--data, --split), or ask less (--seconds, --requests, --clients)"
    )


def _halves(text: str) -> tuple[str, str]:
    """The text cut at the space nearest to its middle; a single word stands for either half."""
    text = text.strip()
    spaces = [place for place, letter in enumerate(text) if letter.isspace()]
    if not spaces:
        return text, text
    cut = min(spaces, key=lambda place: abs(2 * place + 1 - len(text)))
    return text[:cut].rstrip(), text[cut:].lstrip()


def measure(
    endpoint: Endpoint,
    queries: Iterator[str],
    clients: int,
    *,
    seconds: float = math.inf,
    requests: int | None = None,
    warm_up: int = WARM_UP,
) -> Load:
    """The load of so many clients that take the queries in turn, for so many seconds or until `requests` were made.

    Each client first asks `warm_up` queries, uncounted, over the connection that it keeps. A request that runs when
    the time is over is waited for; each client makes at least one. Raises SystemFailure where all requests fail, of the
    warm-up or later. Ctrl-C gives what was measured until then; during the warm-up it is raised.
    """
    with ExitStack() as stack:
        asking = [Client(endpoint) for _ in range(clients)]
        for client in asking:
            stack.callback(client.close)
        warm, complete = _drive(asking, [iter(tuple(islice(queries, warm_up))) for _ in asking])
        if not complete:
            raise KeyboardInterrupt
        _require_an_answer(endpoint, warm)
        shared = _Shared(islice(queries, requests))
        cpu, started = time.process_time(), time.perf_counter()
        replies, complete = _drive(asking, [shared] * clients, started + seconds)
        elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    _require_an_answer(endpoint, replies)
    answered = [reply for reply in replies if not reply.failure]
    return Load(
        clients=clients,
        requests=len(replies),
        seconds=elapsed,
        client_cpu=cpu,
        milliseconds=tuple(reply.milliseconds for reply in answered),
        took_ms=tuple(reply.took_ms for reply in answered),
        failures=_failures(replies),
        complete=complete,
    )


def _drive(
    asking: Sequence[Client], queries: Sequence[Iterator[str]], deadline: float = math.inf
) -> tuple[list[Reply], bool]:
    """The replies to all clients, client by client, each asking its queries; False where Ctrl-C ended it."""
    begin, stop = Event(), Event()

    def work(client: Client, texts: Iterator[str]) -> list[Reply]:
        replies: list[Reply] = []
        pause = 0.0
        begin.wait()  # until all are there: Ctrl-C that hits while they are made loses no reply
        for text in texts:
            if stop.wait(pause):
                break
            replies.append(client.ask(text))
            pause = PAUSE if replies[-1].failure else 0.0
            if time.perf_counter() + pause >= deadline:
                break
        return replies

    complete = True
    working = []
    with ThreadPoolExecutor(len(asking)) as pool:
        try:
            for client, texts in zip(asking, queries, strict=True):
                working.append(pool.submit(work, client, texts))
            begin.set()
            wait(working, return_when=FIRST_EXCEPTION)
        except KeyboardInterrupt:
            complete = False
        stop.set()  # where one raised, the others need not go on
        begin.set()
    return [reply for each in working for reply in each.result()], complete


class _Shared(Iterator[str]):
    """Items that several threads take, each once."""

    def __init__(self, items: Iterator[str]) -> None:
        self._items = items
        self._lock = Lock()

    def __next__(self) -> str:
        with self._lock:
            return next(self._items)


def _failures(replies: Sequence[Reply]) -> dict[str, int]:
    return dict(sorted(Counter(reply.failure for reply in replies if reply.failure).items()))


def _require_an_answer(endpoint: Endpoint, replies: Sequence[Reply]) -> None:
    failures = _failures(replies)
    if replies and sum(failures.values()) == len(replies):
        found = ", ".join(f"{failure}: {number}" for failure, number in failures.items())
        raise SystemFailure(
            f"{endpoint.url}: all {len(replies)} requests failed ({found}); expected replies to a search; "
            "look at the server's log, or correct --url"
        )
