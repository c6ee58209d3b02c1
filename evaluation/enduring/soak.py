"""Very many requests of every kind, with switches of the generation in between: no error, and no memory lost."""

import http.client
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from threading import Lock
from urllib.parse import quote, urlencode, urlsplit

from evaluation.enduring.overload import resident
from evaluation.enduring.texts import Help, help_of
from evaluation.systems import SystemFailure
from indexer import artifact, generations
from indexer.errors import ArtifactError

MOST_GROWTH = 0.03  # of the memory between the end of the warm-up and the end
CLIENTS = 4
WARM_UP = 0.3  # share of the legs: the first switches take memory that the next ones find again

_PATIENCE = 120.0  # seconds that a switch may take
# Seconds after a leg in which memory is looked at, and the least counts: an old generation is given back aside.
_SETTLING = 4.0
_SEED = 20261128


@dataclass(frozen=True, slots=True)
class Soak:
    """What was measured."""

    requests: int
    seconds: float
    failures: Mapping[str, int]  # route and what came -> requests
    switches: int  # of the generation
    memory_mb: tuple[float, ...]  # resident, of all processes, after each leg

    @property
    def growth(self) -> float:
        """Of the memory after the warm-up: the median of the last third of the legs against that of the first.

        Single legs may hold an old generation still, or one whose pages the system has not taken back.
        """
        legs = self.memory_mb[max(1, round(WARM_UP * len(self.memory_mb))) - 1 :]
        third = max(1, len(legs) // 3)
        return median(legs[-third:]) / median(legs[:third]) - 1

    def broken(self) -> list[str]:
        """The promises that were not held, in words."""
        told = []
        if self.failures:
            found = ", ".join(f"{name}: {number}" for name, number in self.failures.items())
            told.append(f"requests failed ({found}); expected none")
        if self.growth > MOST_GROWTH:
            told.append(f"memory grew by {self.growth:.1%} after the warm-up; expected at most {MOST_GROWTH:.0%}")
        return told


def copied(index: Path, folder: Path) -> Path:
    """A copy of an index that may be switched, with two generations; of one alone the second is a copy of it.

    Raises ArtifactError where there is none.
    """
    copy = folder / "index"
    (copy / "generations").mkdir(parents=True)
    names = [artifact.current(index).name]
    names += [name for name in artifact.list_generations(index) if name not in names and _is_usable(index, name)][-1:]
    for name in names:
        shutil.copytree(index / "generations" / name, copy / "generations" / name)
    if len(names) == 1:
        names.append(f"{names[0]}-again")
        shutil.copytree(copy / "generations" / names[0], copy / "generations" / names[1])
    _switch(copy, names[0])
    return copy


def _is_usable(index: Path, generation: str) -> bool:
    """Whether this version reads a generation: an older one may be of another format."""
    try:
        artifact.read_manifest(artifact.folder_of(index, generation))
    except ArtifactError:
        return False
    return True


def run(url: str, pid: int, index: Path, *, requests: int, switches: int, say: Callable[[int, int], None]) -> Soak:
    """Asks so many requests in legs; before each but the first the generation of `index` is switched meanwhile.

    `url` and `pid` are those of a server over `index`. Raises SystemFailure where it does not take a generation.
    """
    asked = _requests(help_of(url))
    failures: Counter[str] = Counter()
    memory: list[float] = []
    began, done, legs = time.perf_counter(), 0, switches + 1
    for leg in range(legs):
        if leg:
            wanted = next(name for name in artifact.list_generations(index) if name != generations.live(index))
            _switch(index, wanted)
        until = requests * (leg + 1) // legs
        failures += _leg(url, asked, until - done)
        done = until
        say(done, requests)
        if leg:
            _await(url, wanted)
        memory.append(_settled(pid))
    return Soak(done, time.perf_counter() - began, dict(sorted(failures.items())), switches, tuple(memory))


def _settled(pid: int) -> float:
    end, least = time.monotonic() + _SETTLING, resident(pid)
    while time.monotonic() < end:
        time.sleep(0.2)
        least = min(least, resident(pid))
    return least


def _switch(index: Path, generation: str) -> None:
    with generations.locked(index):
        generations.switch(index, generation, "none")


def _leg(url: str, asked: Iterator[tuple[str, str, bytes | None]], requests: int) -> Counter[str]:
    lock, taken = Lock(), count()

    def work() -> Counter[str]:
        failures: Counter[str] = Counter()
        connection = _connection(url)
        while True:
            with lock:
                if next(taken) >= requests:
                    break
                method, path, body = next(asked)
            failures += _asked(connection, method, path, body)
        connection.close()
        return failures

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum((each.result() for each in [pool.submit(work) for _ in range(CLIENTS)]), Counter())


def _asked(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None) -> Counter[str]:
    """What went wrong with a request; empty where nothing did."""
    route = f"{method} {path.partition('?')[0]}" if path.count("/") < 3 else f"{method} {path.rpartition('/')[0]}/"
    try:
        try:
            status, content = _exchange(connection, method, path, body)
        except (ConnectionError, http.client.RemoteDisconnected):
            # A kept connection that the server has ended meanwhile, as it may; a second time is an error.
            connection.close()
            status, content = _exchange(connection, method, path, body)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return Counter({f"{route} {type(error).__name__}": 1})
    if status != 200:
        return Counter({f"{route} {status}": 1})
    if path.startswith("/v1/search") and json.loads(content)["degraded"]:
        return Counter({f"{route} degraded": 1})
    return Counter()


def _exchange(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    response = connection.getresponse()
    return response.status, response.read()


def _requests(known: Help) -> Iterator[tuple[str, str, bytes | None]]:
    """Requests of every kind that only reads, as many as are wanted: (method, path, body)."""
    rng = Random(_SEED)  # noqa: S311 -- an order, no secret
    often = known.queries[:20]
    while True:
        query = rng.choice(often if rng.random() < 0.3 else known.queries)
        kind = rng.random()
        if kind < 0.45:
            yield "POST", "/v1/search", json.dumps({"query": query, "explain": kind < 0.05}).encode()
        elif kind < 0.6:
            yield "GET", f"/v1/search?{urlencode({'q': query, 'limit': 5})}", None
        elif kind < 0.7:
            yield "POST", "/v1/answer", json.dumps({"query": query}).encode()
        elif kind < 0.8:
            yield "GET", f"/v1/suggest?{urlencode({'q': query[: rng.randint(2, 20)]})}", None
        elif kind < 0.88:
            yield "GET", f"/?{urlencode({'q': query})}", None
        elif kind < 0.92:
            yield "GET", f"/articles/{quote(rng.choice(known.article_ids))}", None
        elif kind < 0.95:
            yield "GET", f"/v1/articles/{quote(rng.choice(known.article_ids))}", None
        elif kind < 0.98:
            yield "GET", f"/v1/sections?{urlencode({'id': rng.choice(known.section_ids)})}", None
        else:
            yield "GET", rng.choice(("/", "/readyz", "/metrics", "/openapi.json", "/version", "/v1/articles")), None


def _await(url: str, generation: str) -> None:
    """Waits until the generation serves."""
    end = time.monotonic() + _PATIENCE
    while True:
        connection = _connection(url)
        _, content = _exchange(connection, "GET", "/readyz", None)
        connection.close()
        told = json.loads(content)
        if told["generation"] == generation:
            return
        if time.monotonic() > end:
            raise SystemFailure(
                f"{url}/readyz: generation {told['generation']}; expected {generation} within {_PATIENCE:.0f} s; "
                f"refused: {told['refused']}"
            )
        time.sleep(0.1)


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
