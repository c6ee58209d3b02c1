"""How many queries a second: unseen ones beside txtai's own API server, one again and again beside an empty route."""

import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TypeVar

from evaluation.benching import caller, txtai_side
from evaluation.benching.findings import Findings
from evaluation.benching.servers import our_server, started
from evaluation.benching.setting import CLIENTS, Setting
from evaluation.endpoints import Endpoint, search_endpoint
from evaluation.load import Load, measure, percentile

UNSEEN, TXTAI_API = f"HTTP search, {CLIENTS} clients", f"txtai API, {CLIENTS} clients"
REPEATED, EMPTY = f"repeated query, {CLIENTS} clients", f"empty Flask route, {CLIENTS} clients"

_WARM_UP = 5  # queries of each client

Taken = TypeVar("Taken")


def unseen_queries(setting: Setting) -> Findings:
    """Queries that were not asked before. Each server is loaded alone, in turn; the other then stands idle."""
    with ExitStack() as stack:
        ours = stack.enter_context(started(our_server(setting.index, setting.workers), "/readyz"))
        ways = {UNSEEN: _loading(setting, search_endpoint(ours.url, "hybrid"))}
        if setting.txtai:
            theirs = stack.enter_context(txtai_side.serving(setting))
            ways[TXTAI_API] = _loading(setting, txtai_side.endpoint(theirs.url))
        loads = in_turn(ways, setting.extent.rounds)
    times = {name: tuple(each for load in found for each in load.milliseconds) for name, found in loads.items()}
    rates = {name: [load.requests_per_second for load in found] for name, found in loads.items()}
    failed = {name: sum(sum(load.failures.values()) for load in found) for name, found in loads.items()}
    return Findings(
        {
            "unseen_per_second_over_txtai_api": ratio(rates[UNSEEN], rates[TXTAI_API]) if setting.txtai else None,
            "p99_over_p50_8_clients": percentile(times[UNSEEN], 99) / percentile(times[UNSEEN], 50),
        },
        times,
        {name: {"per_second": rate, "failed": failed[name]} for name, rate in rates.items()},
    )


def repeated_query(setting: Setting) -> Findings:
    """One query again and again, in turn with a route that does nothing under the same WSGI server."""
    body = json.dumps({"query": next(setting.queries())}).encode()
    empty = [sys.executable, "-m", "evaluation.benching.empty", "--workers", str(setting.workers)]
    seconds = setting.extent.seconds
    with started(our_server(setting.index, setting.workers), "/readyz") as ours, started(empty, "/") as theirs:
        ways = {
            REPEATED: lambda: caller.repeat(f"{ours.url}/v1/search", body, CLIENTS, seconds),
            EMPTY: lambda: caller.repeat(f"{theirs.url}/", None, CLIENTS, seconds),
        }
        in_turn(ways, 1)  # uncounted
        found = in_turn(ways, setting.extent.rounds)
    rates = {name: [each.per_second for each in asked] for name, asked in found.items()}
    return Findings(
        {"repeated_per_second_over_empty_flask_route": ratio(rates[REPEATED], rates[EMPTY])},
        {name: tuple(time for each in asked for time in each.milliseconds) for name, asked in found.items()},
        {name: {"per_second": rate} for name, rate in rates.items()},
    )


def in_turn(ways: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """What each way gave, round by round: A B, A B, ...; the machine may be slow in one round, but then for both."""
    found: dict[str, list[Taken]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, take in ways.items():
            found[name].append(take())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median over the rounds of ours to theirs."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def _loading(setting: Setting, endpoint: Endpoint) -> Callable[[], Load]:
    """What loads a server with queries that it has not seen, at each call."""
    queries = setting.queries()
    return lambda: measure(endpoint, queries, CLIENTS, seconds=setting.extent.seconds, warm_up=_WARM_UP)
