"""`bench --url`: how fast a running server answers."""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

from evaluation import report
from evaluation.commands.opening import judged_set
from evaluation.endpoints import search_endpoint, server_version
from evaluation.judgments import JudgedSet, digest
from evaluation.load import SEED, WARM_UP, Load, measure, unseen
from evaluation.provenance import git_commit, machine
from evaluation.systems import MODES
from indexer.terminal import Terminal

ALONE = ("clients", "seconds", "requests", "repeat")  # options that say nothing without an address

_CLIENTS = (1, 8)
_SECONDS = 10.0
_SHARES = (0, 10, 25, 50, 75, 90, 95, 99, 99.9, 100)  # per cent, of the percentiles in JSON


def add_options(options: "argparse._ArgumentGroup") -> None:
    """Adds the options that go with an address."""
    options.add_argument(
        "--clients", type=count, action="append", metavar="N", help="at once; may be repeated (default: 1 and 8)"
    )
    length = options.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=duration, help=f"for each number of clients (default: {_SECONDS:.0f})")
    length.add_argument("--requests", type=count, metavar="N", help="for each number of clients, instead of a time")
    options.add_argument(
        "--warm-up", type=count, default=WARM_UP, metavar="N", help="uncounted first requests a client"
    )
    options.add_argument("--mode", choices=MODES, default="hybrid")
    options.add_argument("--repeat", action="store_true", help="one query again and again: what caches give")


def count(text: str) -> int:
    """A whole number of at least 1, as an option of a command gives it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number of at least 1")
    return int(text)


def duration(text: str) -> float:
    """A number of more than 0, as an option of a command gives it."""
    try:
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r}; expected seconds, more than 0")


def load_running_server(options: argparse.Namespace) -> int:
    """Prints what clients get from the server at `--url`; 1 where Ctrl-C ended it."""
    judged = judged_set(options.data, options.split)
    version = server_version(options.url)
    loads: list[Load] = []
    interrupted = False
    try:
        for load in _loads(options, judged):
            loads.append(load)
            interrupted = not load.complete
    except KeyboardInterrupt:
        interrupted = True
    finally:  # what was measured before something went wrong is shown too
        if loads:
            about = _about(options, judged, version)
            as_json = json.dumps(about | {"loads": list(map(_as_json, loads))}, ensure_ascii=False)
            print(as_json if options.json else _as_text(about, version, loads), flush=True)
    if interrupted:
        Terminal().say(f"Stopped; {'what was measured until then is shown' if loads else 'nothing was measured yet'}.")
    return int(interrupted)


def _loads(options: argparse.Namespace, judged: JudgedSet) -> Iterator[Load]:
    """The load of each number of clients in turn; the last is not complete where Ctrl-C ended it."""
    endpoint = search_endpoint(options.url, options.mode)
    queries = unseen([query.text for query in judged.queries])
    if options.repeat:
        queries = repeat(next(queries))
    seconds = math.inf if options.requests else options.seconds or _SECONDS
    length = f"{options.requests} requests" if options.requests else f"{seconds:g} s"
    for clients in dict.fromkeys(options.clients or _CLIENTS):
        Terminal().say(f"{_named(clients)}: warm-up, then {length}")
        load = measure(endpoint, queries, clients, seconds=seconds, requests=options.requests, warm_up=options.warm_up)
        yield load
        if not load.complete:
            return


def _about(options: argparse.Namespace, judged: JudgedSet, version: Mapping[str, str]) -> dict[str, object]:
    """Where the numbers come from: enough to take them again; no text of a query."""
    return {
        "machine": machine(),
        "commit": git_commit(),
        "url": options.url,
        "server": version,
        "set": judged.name,
        "digest": digest(judged),
        "queries": len(judged.queries),
        "seed": SEED,
        "repeat": options.repeat,
        "mode": options.mode,
        "warm_up": options.warm_up,
    }


def _as_json(load: Load) -> dict[str, object]:
    return {
        "clients": load.clients,
        "requests": load.requests,
        "seconds": load.seconds,
        "complete": load.complete,
        "requests_per_second": load.requests_per_second,
        "milliseconds": {f"p{share:g}": load.percentile(share) for share in _SHARES},
        "took_ms": {"p50": load.took_p50},
        "client_cores": load.client_cores,
        "failures": load.failures,
    }


def _as_text(about: Mapping[str, object], version: Mapping[str, str], loads: Sequence[Load]) -> str:
    asked = "one of them again and again" if about["repeat"] else "each once, then crossings of two"
    lines = [
        f"machine: {about['machine']}; commit: {about['commit']}",
        f"{about['url']}: " + ", ".join(f"{name} {value}" for name, value in version.items()),
        f"{about['set']}: {about['queries']} queries, {asked}; mode {about['mode']}",
        report.table({_named(load.clients): _row(load) for load in loads}),
        "took p50: ms by the server's clock; cores: kept busy by the clients",
    ]
    for load in loads:
        if load.failures:
            found = ", ".join(f"{failure}: {number}" for failure, number in load.failures.items())
            failed = sum(load.failures.values())
            lines.append(f"{_named(load.clients)}: {failed} of {load.requests} requests failed ({found})")
    return "\n".join(lines)


def _row(load: Load) -> dict[str, float]:
    return {f"p{share}, ms": load.percentile(share) for share in (50, 95, 99)} | {
        "took p50": load.took_p50,
        "req/s": load.requests_per_second,
        "answered": len(load.milliseconds),
        "failed": sum(load.failures.values()),
        "cores": load.client_cores,
    }


def _named(clients: int) -> str:
    return f"{clients} client{'s' if clients > 1 else ''}"
