"""How long one query takes: over HTTP, encoding alone, and by txtai.

Query by query in turn, so that a machine that is slow for a while is slow for all. Each then finds the processor's
caches full of the others' models, which no server does that has a machine for itself: how long a query takes after
others of the same side is measured too, and varies more from run to run.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from itertools import chain, cycle, islice, permutations

from evaluation.benching import txtai_side
from evaluation.benching.caller import Caller, told
from evaluation.benching.findings import Findings
from evaluation.benching.servers import our_server, started
from evaluation.benching.setting import Setting
from evaluation.benching.throughput import in_turn
from evaluation.endpoints import search_endpoint
from evaluation.load import percentile
from evaluation.speed import milliseconds_of
from indexer import exporting
from indexer.query_encoder import OnnxEncoder

HTTP, ENCODE, TXTAI = "HTTP search", "ONNX fp32 encode", "txtai search"
ROWS = "each side asked many queries in a row"

_IDLE = 0.5  # seconds after which a server may have ended a connection that nobody used

Way = Callable[[str], float]  # a query -> milliseconds that it took
Times = Mapping[str, tuple[float, ...]]


def latency(setting: Setting) -> Findings:
    """Searches of a server of one worker beside encoding the same queries, and beside txtai where there is one."""
    notes = []
    with ExitStack() as stack:
        server = stack.enter_context(started(our_server(setting.index), "/readyz"))
        ways: dict[str, Way] = {HTTP: stack.enter_context(closing(_Search(server.url))).ask}
        try:
            encoder = _float_encoder(setting)
            ways[ENCODE] = lambda query: milliseconds_of(encoder.encode_query, query)
        except exporting.NotExportable as error:
            notes.append(f"{setting.model.name} was not measured in ONNX: {error}")
        if setting.txtai:
            ways[TXTAI] = stack.enter_context(txtai_side.searching(setting)).ask
        queries, extent = setting.queries(), setting.extent
        interleaved(ways, islice(queries, extent.warm_up))
        asked = list(islice(queries, 2 * extent.queries))
        found = interleaved(ways, asked[::2])
        rows = by_rounds(ways, asked[1::2], extent.rounds)
    return Findings(
        _ratios(found),
        {**found, **{f"{name}, in rows": times for name, times in rows.items()}},
        {ROWS: {name: ratio for name, ratio in _ratios(rows).items() if ratio is not None}},
        notes=tuple(notes),
    )


def interleaved(ways: Mapping[str, Way], queries: Iterable[str]) -> Times:
    """Milliseconds of every query by every way, each query by all of them before the next.

    They take turns at being the first and at what goes before them: none always finds the caches as the same other one
    leaves them.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for query, order in zip(queries, cycle(permutations(ways)), strict=False):
        for name in order:
            found[name].append(ways[name](query))
    return {name: tuple(times) for name, times in found.items()}


def by_rounds(ways: Mapping[str, Way], queries: Iterable[str], rounds: int) -> Times:
    """Milliseconds of every query by every way, which each answer a share of them in a row before the next does."""
    texts = list(queries)
    share = -(-len(texts) // rounds)

    def answer(way: Way, coming: Iterator[str]) -> list[float]:
        return [way(query) for query in islice(coming, share)]

    found = in_turn({name: partial(answer, way, iter(texts)) for name, way in ways.items()}, rounds)
    return {name: tuple(chain.from_iterable(times)) for name, times in found.items()}


def _ratios(found: Times) -> dict[str, float | None]:
    p50 = {name: percentile(times, 50) for name, times in found.items()}
    return {
        "http_p50_over_onnx_fp32_encode_p50": p50[HTTP] / p50[ENCODE] if ENCODE in p50 else None,
        "http_p50_over_txtai_search_p50": p50[HTTP] / p50[TXTAI] if TXTAI in p50 else None,
    }


class _Search:
    """Searches of our server over a connection that is kept while they follow one another."""

    def __init__(self, url: str) -> None:
        self._endpoint = search_endpoint(url, "hybrid")
        self._caller = Caller(self._endpoint.url)
        self._used = time.perf_counter()

    def close(self) -> None:
        """Ends the connection."""
        self._caller.close()

    def ask(self, query: str) -> float:
        """Milliseconds from the sending of a query until its reply was read.

        Raises SystemFailure where there is none.
        """
        request = self._caller.request(json.dumps(self._endpoint.body(query)).encode())
        with told(self._endpoint.url):
            if time.perf_counter() - self._used > _IDLE:
                self._caller.close()
                self._caller = Caller(self._endpoint.url)
            taken = milliseconds_of(self._caller.ask, request)
        self._used = time.perf_counter()
        return taken


def _float_encoder(setting: Setting) -> OnnxEncoder:
    """The model in ONNX as it is: 32 bits, its whole vocabulary."""
    network, folder = setting.encoder.network, setting.aside / "float32"
    exporting.export(network, setting.model, folder, [], quantized=False)
    return OnnxEncoder(folder, setting.threads)
