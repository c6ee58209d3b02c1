"""How long a batch of queries takes beside the same number of them one by one, over one connection that is kept."""

import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from urllib.parse import urlsplit

from evaluation.benching.findings import Findings
from evaluation.benching.servers import our_server, started
from evaluation.benching.setting import Setting
from evaluation.benching.throughput import in_turn, ratio
from evaluation.endpoints import TIMEOUT
from evaluation.systems import SystemFailure
from server.schema import BATCH, MAXIMUM_BATCH

TOGETHER, ALONE = f"a batch of {MAXIMUM_BATCH}", f"{MAXIMUM_BATCH} single searches"

Ask = Callable[[Sequence[str]], None]


def batch(setting: Setting) -> Findings:
    """Queries that were not asked before, of one server of one worker; both ways in turn."""
    count = min(MAXIMUM_BATCH, 8 * setting.extent.queries)
    with started(our_server(setting.index, 1), "/readyz") as server:
        place = urlsplit(server.url)
        with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT)) as connection:
            queries = setting.queries()

            def together(texts: Sequence[str]) -> None:
                asked = {"queries": [{"query": text} for text in texts]}
                if any("hits" not in reply for reply in _asked(connection, BATCH, asked)["results"]):
                    raise SystemFailure("our server: a search of a batch failed; expected a reply to each")

            def alone(texts: Sequence[str]) -> None:
                for text in texts:
                    _asked(connection, "/v1/search", {"query": text})

            ways = {name: _timed(ask, queries, count) for name, ask in ((TOGETHER, together), (ALONE, alone))}
            in_turn(ways, 1)  # uncounted: a server is slower at first
            found = in_turn(ways, 2 * setting.extent.rounds)
    return Findings(
        {"batch_over_single_searches": ratio(found[TOGETHER], found[ALONE])},
        {name: tuple(times) for name, times in found.items()},
        {name: {"queries": count} for name in ways},
    )


def _timed(ask: Ask, queries: Iterator[str], count: int) -> Callable[[], float]:
    """Milliseconds that so many queries take, the next ones at each call."""

    def take() -> float:
        texts = list(islice(queries, count))
        begun = time.perf_counter()
        ask(texts)
        return (time.perf_counter() - begun) * 1000

    return take


def _asked(connection: http.client.HTTPConnection, path: str, body: object) -> dict[str, list[dict[str, object]]]:
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemFailure(f"our server: {path} answered {response.status}; expected 200")
    told: dict[str, list[dict[str, object]]] = json.loads(content)
    return told
